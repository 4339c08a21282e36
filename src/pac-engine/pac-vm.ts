import { createPacResolver } from 'pac-resolver'
import { JSException, type JSValueHandle, QuickJS } from 'quickjs-wasi'
import { libraryBytecode, PAC_RESOLVER_FUNCTIONS } from './library-bytecode.ts'
import type { PacLimits } from './limits.ts'
import { type DnsEntry, type Failure, NO_NOTES, type Notes, type VmOutcome } from './vm-outcome.ts'

const SCRIPT_NAME = 'proxy.pac'
const PAGE_BYTES = 65_536

/** What pac-resolver compiles instead of the user's script, which its own parser might not understand. */
const BRIDGE = `globalThis.FindProxyForURL = (function (find) {
  return function (url, host) { return find(url, host) }
})(globalThis.__find)`

export interface Job {
  readonly url: string
  readonly host: string
  /** Milliseconds since the epoch: what the script's clock says when it begins. */
  readonly now: number
  /** The clock stands still during the evaluation, for made-up times. */
  readonly frozen?: boolean
  /** Record the helper calls: a trace costs more than most decisions. */
  readonly trace: boolean
}

/**
 * One script at a time in a VM of its own. `load` begins with a VM in which nothing has ever run: the memory of the one at hand put back to what
 * it was before its first script, which takes a tenth of a millisecond, or a new one where that is not possible.
 */
export class PacVm {
  /** A script is loaded and may be evaluated. False after it was stopped or its VM failed: load it anew. */
  usable = false
  /** Since `load`. */
  evaluations = 0
  readonly #limits: PacLimits
  readonly #wasm: WebAssembly.Module
  #vm!: QuickJS
  #memory!: WebAssembly.Memory
  #blank: Uint8Array | undefined
  #loadedBytes = 0
  #control!: JSValueHandle
  #find!: (url: URL, host: string) => Promise<unknown>
  #deadline = Number.POSITIVE_INFINITY
  #timedOut = false
  #began = 0
  #now = 0
  #clockRead = false
  #frozen = false

  constructor(wasm: WebAssembly.Module, limits: PacLimits) {
    this.#wasm = wasm
    this.#limits = limits
  }

  /** Runs the script's global code. */
  async load(
    script: string,
    { now, dns, frozen }: Pick<Job, 'now' | 'frozen'> & { readonly dns: readonly DnsEntry[] },
  ): Promise<VmOutcome> {
    this.usable = false
    this.evaluations = 0
    if (!this.#restore()) await this.#create()
    this.#call('seed', JSON.stringify([1, 2, 3, 4].map(() => Math.floor(Math.random() * 2 ** 32))))
    this.learn(dns)
    this.#begin(this.#limits.loadMs, now, frozen)
    try {
      this.#call('begin', '')
      this.#vm.evalCode(script, SCRIPT_NAME).dispose()
      const outcome = this.#understand(this.#call('loaded', ''))
      this.usable = outcome.is === 'answer'
      this.#loadedBytes = this.#memory.buffer.byteLength
      return outcome
    } catch (error) {
      return this.#missing() ?? this.#failed(error)
    } finally {
      this.#deadline = Number.POSITIVE_INFINITY
    }
  }

  /** Possible while the memory has not grown and nothing has trapped in it. */
  #restore(): boolean {
    if (this.#blank?.length !== this.#memory?.buffer.byteLength || !this.#blank) return false
    new Uint8Array(this.#memory.buffer).set(this.#blank)
    return true
  }

  async #create(): Promise<void> {
    this.dispose()
    this.#vm = await QuickJS.create({
      wasm: this.#wasm,
      memoryLimit: this.#limits.memoryPages * PAGE_BYTES,
      interruptHandler: () => {
        if (performance.now() < this.#deadline) return false
        this.#timedOut = true
        return true
      },
      wasi: (memory: WebAssembly.Memory) => {
        this.#memory = memory
        return this.#system(memory)
      },
    })
    this.#control = this.#vm.evalBytecode(await libraryBytecode(this.#wasm, this.#limits))
    const inert = Object.fromEntries(PAC_RESOLVER_FUNCTIONS.map((name) => [name, () => undefined]))
    this.#find = createPacResolver(this.#vm, BRIDGE, { sandbox: inert, filename: 'pac-bridge' })
    this.#call('seal', '')
    this.#blank = this.#vm.snapshot().memory
  }

  #system(memory: WebAssembly.Memory): Record<string, (...args: never[]) => number> {
    return {
      clock_time_get: (_id: number, _precision: bigint, result: number) => {
        this.#clockRead = true
        const elapsed = this.#frozen ? 0 : performance.now() - this.#began
        const ms = this.#now + Math.floor(elapsed)
        new DataView(memory.buffer).setBigUint64(result, BigInt(ms) * 1_000_000n, true)
        return 0
      },
      // QuickJS's own diagnostics; a script must not write to the gateway's standard output.
      fd_write: (_fd: number, _iovs: number, _count: number, written: number) => {
        new DataView(memory.buffer).setUint32(written, 0, true)
        return 0
      },
    }
  }

  /** Tells the script's resolver what is known now. */
  learn(entries: readonly DnsEntry[]): void {
    if (entries.length > 0) this.#call('learn', JSON.stringify(entries))
  }

  /** In place of all that was known. */
  replaceDns(entries: readonly DnsEntry[]): void {
    this.#call('replace', JSON.stringify(entries))
  }

  async evaluate(job: Job): Promise<VmOutcome> {
    this.evaluations++
    this.#begin(this.#limits.evaluateMs, job.now, job.frozen)
    try {
      // Not a URL: pac-resolver would write it anew, and the script must see it as it stands.
      const url = { href: job.url, hostname: job.host } as URL
      const outcome = this.#understand(await this.#find(url, `${job.trace ? 't' : 'h'}${job.host}`))
      // A VM never gives memory back: one that has grown a good deal since it was loaded is replaced.
      if (this.#memory.buffer.byteLength > this.#loadedBytes + this.#limits.growthPages * PAGE_BYTES)
        this.usable = false
      return outcome
    } catch (error) {
      return this.#failed(error)
    } finally {
      this.#deadline = Number.POSITIVE_INFINITY
    }
  }

  dispose(): void {
    this.usable = false
    const vm: QuickJS | undefined = this.#vm
    this.#blank = undefined
    try {
      vm?.dispose()
    } catch {
      // A VM that ended in a trap cannot free its objects; its memory goes with the instance.
    }
  }

  #begin(limitMs: number, now: number, frozen = false): void {
    this.#frozen = frozen
    this.#began = performance.now()
    this.#deadline = this.#began + limitMs
    this.#now = now
    this.#clockRead = false
    this.#timedOut = false
  }

  /** Global code that asked for an unknown name ended with an exception: the names are what matters. */
  #missing(): VmOutcome | undefined {
    if (this.#timedOut) return undefined
    try {
      const outcome = this.#understand(this.#call('missing', ''))
      return outcome.is === 'missing' ? outcome : undefined
    } catch {
      return undefined
    }
  }

  #call(operation: string, argument: string): string {
    const vm = this.#vm
    const first = vm.newString(operation)
    const second = vm.newString(argument)
    try {
      return vm.callFunction(this.#control, vm.undefined, first, second).consume((handle) => handle.toString())
    } finally {
      first.dispose()
      second.dispose()
    }
  }

  #understand(packed: unknown): VmOutcome {
    const ms = performance.now() - this.#began
    const clock = this.#clockRead
    if (typeof packed !== 'string') return this.#failed(new Error('the VM gave no string'))
    const body = packed.slice(1)
    if (packed[0] === '=') return asAscii(body, clock ? { ...NO_NOTES, clock } : NO_NOTES, ms)
    if (packed[0] === 'm') return { is: 'missing', names: texts(JSON.parse(body), this.#limits.dnsNames) }
    const report: unknown = JSON.parse(body)
    const [first, second] = Array.isArray(report) ? report : []
    const notes = readNotes(second, clock, this.#limits)
    if (packed[0] === 'r') return asAscii(String(first), notes, ms)
    if (this.#isFull()) return this.#outOfMemory(notes)
    return { is: 'failed', failure: describe(first, this.#limits), notes }
  }

  /** Close to the end of its memory even an error may not be made any more: the script throws null then. */
  #isFull(): boolean {
    return this.#memory.buffer.byteLength > 0.9 * this.#limits.memoryPages * PAGE_BYTES
  }

  #outOfMemory(notes: Notes): VmOutcome {
    this.usable = false
    const limit = (this.#limits.memoryPages * PAGE_BYTES) / 2 ** 20
    return { is: 'failed', failure: { kind: 'memory', message: `used more than ${limit} MiB` }, notes }
  }

  #failed(error: unknown): VmOutcome {
    const notes = { ...NO_NOTES, clock: this.#clockRead }
    if (this.#timedOut) {
      this.usable = false
      const limit = Math.round(performance.now() - this.#began)
      return { is: 'failed', failure: { kind: 'time', message: `stopped after ${limit} ms` }, notes }
    }
    if (!(error instanceof JSException)) {
      // A WebAssembly trap, most often the end of the stack: the VM's state is undefined from here on.
      this.usable = false
      this.#blank = undefined
      const deep = error instanceof RangeError || error instanceof WebAssembly.RuntimeError
      const message = deep
        ? 'recursion too deep'
        : `the VM failed: ${error instanceof Error ? error.message : 'unknown'}`
      return { is: 'failed', failure: { kind: 'crashed', message }, notes }
    }
    const { name, message, stack } = error
    error.dispose()
    if (/out of memory/.test(message) || this.#isFull()) return this.#outOfMemory(notes)
    return { is: 'failed', failure: located('threw', `${name}: ${message}`, stack ?? ''), notes }
  }
}

/** What the script can have tampered with is read as what it should be, or not at all. */
function readNotes(value: unknown, clock: boolean, limits: PacLimits): Notes {
  const { used, calls, alerts, dropped, random } = (typeof value === 'object' && value !== null ? value : {}) as Record<
    string,
    unknown
  >
  const { dnsNames, tracedCalls } = limits
  return {
    used: texts(used, dnsNames),
    alerts: texts(alerts, limits.alerts),
    calls: (Array.isArray(calls) ? calls : []).slice(0, tracedCalls).map((call: unknown) => {
      const [name, args, answer]: unknown[] = Array.isArray(call) ? call : []
      return [String(name), texts(args, MAX_ARGUMENTS), String(answer)] as const
    }),
    dropped: typeof dropped === 'number' ? dropped : 0,
    random: random !== false,
    clock,
  }
}

/** Arguments shown of a helper call; dateRange takes seven. */
const MAX_ARGUMENTS = 8

function texts(value: unknown, most: number): string[] {
  return (Array.isArray(value) ? value : []).slice(0, most).map(String)
}

function asAscii(answer: string, notes: Notes, ms: number): VmOutcome {
  if (!/[^\x01-\x7f]/.test(answer)) return { is: 'answer', answer, notes, ms }
  return { is: 'failed', failure: { kind: 'not-ascii', message: JSON.stringify(answer.slice(0, 100)) }, notes }
}

function describe(value: unknown, limits: PacLimits): Failure {
  const [kind, message = '', stack = ''] = texts(value, 3)
  if (kind === 'type') return { kind: 'not-a-string', message }
  if (kind === 'nul') return { kind: 'not-ascii', message }
  if (kind === 'long') return { kind: 'too-long', message: `${message} characters, at most ${limits.answerChars}` }
  return located('threw', message, stack)
}

/** The innermost place in the user's script: `at f (proxy.pac:3:5)`. */
function located(kind: Failure['kind'], message: string, stack: string): Failure {
  const place = /proxy\.pac:(\d{1,7}):(\d{1,7})/.exec(stack)
  return place ? { kind, message, line: Number(place[1]), column: Number(place[2]) } : { kind, message }
}
