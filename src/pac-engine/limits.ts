/** Everything here that could grow, wait or repeat, with its bound. Milliseconds unless the name says otherwise. */
export interface PacLimits {
  /** Running time of one evaluation, without waiting for DNS. A large real script takes a few milliseconds. Processor time where the system tells that. */
  readonly evaluateMs: number
  /** Running time of the script's global code, which may build large tables. Processor time where the system tells that. */
  readonly loadMs: number
  /** How far past its limit a script that no interrupt reaches (a built-in's own loop) may run before its thread is ended. */
  readonly graceMs: number
  /** Starting a thread: 0.1 s when idle, a good deal more on a busy machine. */
  readonly threadStartMs: number
  /** An evaluation that takes longer than this has its thread to itself: what waits behind it moves to another. */
  readonly slowMs: number
  /** When every thread has been held by a slow one, or by the script's loading, for this long while others wait, another thread is started. */
  readonly spareMs: number
  /**
   * While others wait and no thread is free for them, an evaluation that has run for this long (or for a few times what the script usually takes) makes way. It begins
   * again in a thread of its own kind, and has its whole time there, with a lower priority.
   */
  readonly crowdedMs: number
  /** The same while others hung within the last second. */
  readonly hangingMs: number
  /** The same while nobody waits and the thread for such has nothing to do. */
  readonly asideMs: number
  /** Evaluations that wait for such a second turn, and how long each does: as long as a flow waits for its decision. More end at once. */
  readonly secondTurns: number
  readonly secondTurnMs: number
  /** Hosts remembered whose evaluations took too long lately, and for how long: questions about them come behind everybody else's. */
  readonly slowHosts: number
  readonly slowHostMs: number
  /** WebAssembly memory of one VM, in 64 KiB pages. Enough for a script of 1 MiB with its tables. */
  readonly memoryPages: number
  /** Pages that a VM may grow by after it was loaded; beyond, it is put back to what it was then. */
  readonly growthPages: number
  /** Pages, of those a VM had grown by, that are kept when it is put back; with more, which are the system's for good, another is made instead: tens of ms. */
  readonly surplusPages: number
  /** Pages of a loaded script whose memory is kept, once for each thread, to go back to when an evaluation was stopped: most have 20 to 50. */
  readonly imagePages: number
  /** Evaluations after which a VM is replaced: pac-resolver leaks about 150 bytes of it each time, so about 15 MB. */
  readonly evaluationsPerVm: number
  /** Threads for one script: two so that one can be slow, more only while each is held; and beside them those for second turns. */
  readonly threads: number
  readonly maxThreads: number
  readonly secondThreads: number
  /** How long after the script is in use the one for second turns is started, if none was needed before: then it is there when it is, and a start does not slow down others'. */
  readonly standbyMs: number
  /** Evaluations waiting at once; more are refused, for they would only time out. */
  readonly pending: number
  /** Evaluations sent to a thread in one message. */
  readonly batch: number
  /** Outcomes that all threads of a script hand over in one turn of the main thread, which takes some 10 µs for each, with what their askers do then; a batch is not divided. */
  readonly turnAnswers: number
  /** Characters of an answer. Real ones are below 1 kB. */
  readonly answerChars: number
  /** Different names one evaluation may look up; Chromium's number. */
  readonly dnsNames: number
  /** Waiting for one name; after that it does not resolve. Longer than resolv.conf's 5 s, after which the next server is asked. */
  readonly dnsNameMs: number
  /** Waiting for its turn, while the system is busy with other names: longer than one of those takes, within what a flow waits for its decision. */
  readonly dnsTurnMs: number
  /** How long an answer is believed: getaddrinfo tells no TTL. */
  readonly dnsGoodMs: number
  readonly dnsBadMs: number
  /** A name that takes longer than this not to resolve is asked again behind: otherwise all wait for it every few seconds. */
  readonly dnsSlowMs: number
  /** How long it is believed meanwhile not to resolve, after `dnsBadMs`. */
  readonly dnsStaleMs: number
  /** Own addresses change with the network; asking costs no packet. */
  readonly myAddressesMs: number
  /** Names remembered. */
  readonly dnsEntries: number
  /** Decisions remembered, and for how long at most: bounds what a script's own hidden state can do. */
  readonly cacheEntries: number
  /** Characters of their URLs, answers, alerts and helper calls, and what keeping these takes: with long ones a decision has tens of thousands. */
  readonly cacheChars: number
  readonly cacheMs: number
  /** Helper calls and alerts kept of one evaluation, and characters of each. */
  readonly tracedCalls: number
  /** Calls kept besides, of the last ones: for a person who looks at one evaluation. */
  readonly tracedLast: number
  readonly alerts: number
  readonly tracedChars: number
}

export const DEFAULT_LIMITS: PacLimits = {
  evaluateMs: 1_000,
  loadMs: 3_000,
  graceMs: 250,
  threadStartMs: 30_000,
  slowMs: 3,
  spareMs: 30,
  crowdedMs: 5,
  hangingMs: 2,
  asideMs: 8,
  secondTurns: 1_000,
  secondTurnMs: 8_000,
  slowHosts: 1_000,
  slowHostMs: 60_000,
  memoryPages: 1_024,
  growthPages: 256,
  surplusPages: 256,
  imagePages: 256,
  evaluationsPerVm: 100_000,
  threads: 2,
  maxThreads: 3,
  secondThreads: 1,
  standbyMs: 500,
  pending: 10_000,
  batch: 16,
  turnAnswers: 16,
  answerChars: 65_536,
  dnsNames: 20,
  dnsNameMs: 6_000,
  dnsTurnMs: 9_000,
  dnsGoodMs: 60_000,
  dnsBadMs: 10_000,
  dnsSlowMs: 1_000,
  dnsStaleMs: 60_000,
  myAddressesMs: 10_000,
  dnsEntries: 4_096,
  cacheEntries: 10_000,
  cacheChars: 16_000_000,
  cacheMs: 300_000,
  tracedCalls: 32,
  tracedLast: 0,
  alerts: 20,
  tracedChars: 200,
}

/** Of a script as it comes, and once it is decompressed. Chromium's limit, so that a script is not cut here and whole there. */
export const MAX_SCRIPT_BYTES = 1_048_576
