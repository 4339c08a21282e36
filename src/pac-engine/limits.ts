/** Everything here that could grow, wait or repeat, with its bound. Milliseconds unless the name says otherwise. */
export interface PacLimits {
  /** Running time of one evaluation, without waiting for DNS. A large real script takes a few milliseconds. */
  readonly evaluateMs: number
  /** Running time of the script's global code, which may build large tables. */
  readonly loadMs: number
  /** How far past its limit a script that no interrupt reaches (a built-in's own loop) may run before its thread is ended. */
  readonly graceMs: number
  /** Starting a thread: 0.1 s when idle, a good deal more on a busy machine. */
  readonly threadStartMs: number
  /** An evaluation that takes longer than this has its thread to itself: what waits behind it moves to another. */
  readonly slowMs: number
  /** One that takes longer than this will likely cost its thread: another is started while there is time. */
  readonly spareMs: number
  /** When every thread has a slow one and others wait, the one that has run for this long makes way; it gets its whole time once nobody waits. */
  readonly crowdedMs: number
  /** WebAssembly memory of one VM, in 64 KiB pages. Enough for a script of 1 MiB with its tables. */
  readonly memoryPages: number
  /** Pages that a VM may grow by after it was loaded; beyond, it is replaced. */
  readonly growthPages: number
  /** Evaluations after which a VM is replaced: pac-resolver leaks about 150 bytes of it each time, so about 15 MB. */
  readonly evaluationsPerVm: number
  /** Threads for one script: two so that one can be slow, more only while scripts hang. */
  readonly threads: number
  readonly maxThreads: number
  /** Evaluations waiting at once; more are refused, for they would only time out. */
  readonly pending: number
  /** Evaluations sent to a thread in one message. Four such can come back in one turn of the main thread, which takes some 5 µs for each. */
  readonly batch: number
  /** Characters of an answer. Real ones are below 1 kB. */
  readonly answerChars: number
  /** Different names one evaluation may look up; Chromium's number. */
  readonly dnsNames: number
  /** Waiting for one name; after that it does not resolve. */
  readonly dnsNameMs: number
  /** Waiting for its turn, while the system is busy with other names: longer than one of those takes, within what a flow waits for its decision. */
  readonly dnsTurnMs: number
  /** How long an answer is believed: getaddrinfo tells no TTL. */
  readonly dnsGoodMs: number
  readonly dnsBadMs: number
  /** Own addresses change with the network; asking costs no packet. */
  readonly myAddressesMs: number
  /** Names remembered. */
  readonly dnsEntries: number
  /** Decisions remembered, and for how long at most: bounds what a script's own hidden state can do. */
  readonly cacheEntries: number
  readonly cacheMs: number
  /** Helper calls and alerts kept of one evaluation, and characters of each. */
  readonly tracedCalls: number
  readonly alerts: number
  readonly tracedChars: number
}

export const DEFAULT_LIMITS: PacLimits = {
  evaluateMs: 1_000,
  loadMs: 3_000,
  graceMs: 250,
  threadStartMs: 30_000,
  slowMs: 3,
  spareMs: 200,
  crowdedMs: 100,
  memoryPages: 1_024,
  growthPages: 256,
  evaluationsPerVm: 100_000,
  threads: 2,
  maxThreads: 4,
  pending: 10_000,
  batch: 16,
  answerChars: 65_536,
  dnsNames: 20,
  dnsNameMs: 5_000,
  dnsTurnMs: 9_000,
  dnsGoodMs: 60_000,
  dnsBadMs: 10_000,
  myAddressesMs: 10_000,
  dnsEntries: 4_096,
  cacheEntries: 10_000,
  cacheMs: 300_000,
  tracedCalls: 32,
  alerts: 20,
  tracedChars: 200,
}
