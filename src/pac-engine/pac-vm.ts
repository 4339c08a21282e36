import { JSException, type JSValueHandle, QuickJS } from 'quickjs-wasi'
import { mayGoOn } from './after-a-miss.ts'
import { readsRegexpStatics, regexpStatics } from './library/regexp-statics.ts'
import { libraryBytecode } from './library-bytecode.ts'
import type { PacLimits } from './limits.ts'
import { mayReplaceMethods } from './own-methods.ts'
import { type Circumstances, packQueries, type Query } from './query-lines.ts'
import { crashFailure, isAscii, isTrap, readAnswer, thrownFailure } from './vm-answer.ts'
import type { VmEvents } from './vm-events.ts'
import { bytesOf, PAGE_BYTES, VmImage } from './vm-image.ts'
import { type DnsEntry, type Failure, NO_NOTES, type Notes, type RowOutcome, type VmOutcome } from './vm-outcome.ts'
import { hasJobs, installProgram } from './vm-program.ts'
import { vmSystem } from './vm-system.ts'
import { VmTime } from './vm-time.ts'

const SCRIPT_NAME = 'proxy.pac'
/** Milliseconds for telling what a script did before it was stopped. */
const LAST_WORDS_MS = 20

/**
 * One script at a time in a VM of its own. `load` begins with a VM in which nothing has ever run: the memory of the one at hand put back to what
 * it was before its first script, which takes a tenth of a millisecond, or a new one where that one has grown by more than is to be kept. A script that is loaded for the third
 * time is not run again if its global code hangs on nothing but itself: the memory is put back to what it was after it.
 */
export class PacVm {
  /** A script is loaded and may be evaluated. False after it was stopped or its VM failed: load it anew. */
  usable = false
  /** Since `load`. */
  evaluations = 0
  readonly #limits: PacLimits
  readonly #wasm: WebAssembly.Module
  #vm!: QuickJS
  #blank: VmImage | undefined
  /** The script that was loaded last, how it came out, and from the second time on the memory as it was then. */
  #loaded: { readonly script: string; readonly outcome: VmOutcome; readonly image: VmImage | undefined } | undefined
  #loadedBytes = 0
  #control!: JSValueHandle
  #find!: (url: URL, host: string) => Promise<unknown>
  readonly #time: VmTime
  readonly #events: VmEvents
  /** Something was told that holds for one run. */
  #holding = false

  constructor(wasm: WebAssembly.Module, limits: PacLimits, events: VmEvents = {}) {
    this.#wasm = wasm
    this.#limits = limits
    this.#events = events
    this.#time = new VmTime(limits, events)
  }

  /** Whether `load` makes a VM anew, which takes tens of milliseconds. */
  get mustBeMade(): boolean {
    return this.#blank === undefined || this.#blank.surplus > this.#limits.surplusPages * PAGE_BYTES
  }

  /** Runs the script's global code. */
  async load(
    script: string,
    { now, dns, frozen, held }: Omit<Circumstances, 'trace'> & { readonly dns: readonly DnsEntry[] },
  ): Promise<VmOutcome> {
    this.usable = false
    this.evaluations = 0
    const before = this.#loaded?.script === script ? this.#loaded : undefined
    const anew = this.mustBeMade
    if (before?.image && !anew) {
      before.image.restore()
      this.#holding = false
      this.#seed()
      this.replaceDns(dns)
      this.#loadedBytes = bytesOf(this.#vm)
      this.usable = true
      return before.outcome
    }
    this.#loaded = undefined
    if (anew) await this.#create()
    else this.#blank?.restore()
    this.#seed()
    this.learn(dns)
    this.#holding = false
    this.#hold(held)
    this.#events.loads?.()
    this.#time.beginLoad(now, frozen)
    try {
      this.#call('begin', (mayGoOn(script) ? 't' : '') + (mayReplaceMethods(script) ? 'm' : ''))
      if (readsRegexpStatics(script)) this.#vm.evalCode(regexpStatics, 'regexp-statics').dispose()
      this.#vm.evalCode(script, SCRIPT_NAME).dispose()
      // What its promises have left to do: as in Chromium, before it is asked anything.
      this.#vm.executePendingJobs()
      const outcome = this.#read(this.#call('loaded', ''), this.#time.firstRead)
      if (this.#time.wasCut) throw new Error('it went on')
      this.#loadedBytes = bytesOf(this.#vm)
      if (outcome.is !== 'answer') return { ...outcome, loading: true }
      this.#hold(undefined)
      this.usable = true
      this.#loaded = { script, outcome, image: before ? this.#imageAfter(outcome) : undefined }
      return outcome
    } catch (error) {
      return { ...(this.#missing() ?? this.#failed(error)), loading: true }
    } finally {
      this.#time.end()
    }
  }

  /** What global code saw of the clock, of names or of chance stays in its variables: such a script is run anew each time. */
  #imageAfter({ notes: { used, clock, random } }: Extract<VmOutcome, { is: 'answer' }>): VmImage | undefined {
    const tooLarge = this.#loadedBytes > this.#limits.imagePages * PAGE_BYTES
    return used.length > 0 || clock !== undefined || random || tooLarge ? undefined : new VmImage(this.#vm)
  }

  #seed(): void {
    this.#call('seed', JSON.stringify([1, 2, 3, 4].map(() => Math.floor(Math.random() * 2 ** 32))))
  }

  async #create(): Promise<void> {
    this.dispose()
    this.#vm = await QuickJS.create({
      wasm: this.#wasm,
      memoryLimit: this.#limits.memoryPages * PAGE_BYTES,
      interruptHandler: () => this.#time.interrupts(),
      wasi: (memory: WebAssembly.Memory) => vmSystem(memory, () => this.#time.tell()),
    })
    const library = await libraryBytecode(this.#wasm, this.#limits)
    const { control, find } = installProgram(this.#vm, library, () => this.#turn())
    this.#control = control
    this.#find = find
    this.#blank = new VmImage(this.#vm)
  }

  /**
   * Whether the next query of the row begins. What one leaves to its promises is done before the next, as in Chromium, and in its time: the row ends there. Not done
   * within the row: where that is cut off in the middle, nothing may go on around it.
   */
  #turn(): boolean {
    if (this.#time.begun > 0 && hasJobs(this.#vm)) return false
    this.#time.turn()
    return true
  }

  /** Tells the script's resolver what is known now. */
  learn(entries: readonly DnsEntry[]): void {
    if (entries.length > 0) this.#call('learn', JSON.stringify(entries))
  }

  /** What holds for the next run only, above what is known. */
  #hold(entries: readonly DnsEntry[] = []): void {
    if (entries.length === 0 && !this.#holding) return
    this.#holding = entries.length > 0
    this.#call('hold', this.#holding ? JSON.stringify(entries) : '')
  }

  /** In place of all that was known. */
  replaceDns(entries: readonly DnsEntry[]): void {
    this.#call('replace', JSON.stringify(entries))
  }

  async evaluate(query: Query, circumstances: Circumstances): Promise<VmOutcome> {
    const row = await this.evaluateRow([query], circumstances)
    const outcome =
      row.is === 'answers' ? this.#read(row.text, undefined) : row.is === 'mixed' ? row.outcomes[0] : row.outcome
    return outcome ?? this.#failed(new Error('the VM gave no outcome'))
  }

  /**
   * All in one call, for going into the VM and out of it costs as much as a short evaluation does. Each query has the whole time limit. Not for
   * scripts that take long: nothing is known before the last one is done.
   */
  async evaluateRow(queries: readonly Query[], { now, frozen, trace, held }: Circumstances): Promise<RowOutcome> {
    this.evaluations += queries.length
    this.#hold(held)
    this.#time.beginRow(queries.length, now, frozen)
    try {
      // Not a URL: pac-resolver would write it anew, and it must arrive as it stands.
      const row = { href: packQueries(queries) } as URL
      const outcome = this.#readRow(await this.#find(row, trace ? 't' : 'h'), queries.length)
      if (this.#time.wasCut) throw new Error('it went on')
      // A VM never gives memory back: one that has grown a good deal since it was loaded is put back.
      if (bytesOf(this.#vm) > this.#loadedBytes + this.#limits.growthPages * PAGE_BYTES) this.usable = false
      return outcome
    } catch (error) {
      return { is: 'broken', at: Math.max(0, this.#time.begun - 1), outcome: this.#failed(error) }
    } finally {
      this.#time.end()
    }
  }

  dispose(): void {
    this.usable = false
    const vm: QuickJS | undefined = this.#vm
    this.#blank = undefined
    this.#loaded = undefined
    try {
      vm?.dispose()
    } catch {
      // A VM that ended in a trap cannot free its objects; its memory goes with the instance.
    }
  }

  /** Global code that asked for an unknown name ended with an exception: the names are what matters. */
  #missing(): Exclude<VmOutcome, { is: 'answer' }> | undefined {
    if (this.#time.timedOut) return undefined
    try {
      const outcome = this.#read(this.#call('missing', ''), undefined)
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
      return this.#time.limited(() =>
        vm.callFunction(this.#control, vm.undefined, first, second).consume((handle) => handle.toString()),
      )
    } finally {
      first.dispose()
      second.dispose()
    }
  }

  #readRow(packed: unknown, length: number): RowOutcome {
    this.#time.noteRead()
    if (typeof packed !== 'string') throw new Error('the VM gave no string')
    const plain = this.#time.nobodyRead && packed[0] === '='
    const lines = packed.split('\n')
    const wentOn = lines.at(-1)?.[0] === 'M'
    if (wentOn) this.usable = false
    if (lines.length !== this.#time.begun)
      throw new Error('the VM gave another number of outcomes than queries had begun')
    const all = lines.length === length
    if (plain && all && lines.every((line) => line[0] === '=') && isAscii(packed))
      return { is: 'answers', text: packed }
    return { is: 'mixed', outcomes: lines.map((line, index) => this.#read(line, this.#time.readBy(index))) }
  }

  #read(packed: string, clock: number | undefined): VmOutcome {
    const outcome = readAnswer(packed, clock, this.#limits, this.#time.elapsed)
    return outcome.is === 'failed' && this.#isFull() ? this.#outOfMemory(outcome.notes) : outcome
  }

  /** Close to the end of its memory even an error may not be made any more: the script throws null then. */
  #isFull(): boolean {
    return bytesOf(this.#vm) > 0.9 * this.#limits.memoryPages * PAGE_BYTES
  }

  #outOfMemory(notes: Notes): Extract<VmOutcome, { is: 'failed' }> {
    this.usable = false
    const limit = (this.#limits.memoryPages * PAGE_BYTES) / 2 ** 20
    return { is: 'failed', failure: { kind: 'memory', message: `used more than ${limit} MiB` }, notes }
  }

  /** How far the script came; for people, so it may fail. The VM is put back afterwards, whatever state it is in. */
  #lastNotes(bare: Notes): Notes {
    this.#time.extend(LAST_WORDS_MS)
    this.#blank?.unwind()
    try {
      const outcome = this.#read(this.#call('notes', ''), bare.clock)
      return outcome.is === 'missing' ? bare : { ...outcome.notes, clock: bare.clock }
    } catch {
      return bare
    }
  }

  #failed(error: unknown): Extract<VmOutcome, { is: 'failed' }> {
    const bare = { ...NO_NOTES, clock: this.#time.firstRead }
    if (this.#time.stopped) {
      this.usable = false
      const { spent, starved } = this.#time
      const failure: Failure = { kind: 'time', message: `stopped after ${spent}`, starved }
      // One that made way begins again elsewhere.
      return { is: 'failed', failure, notes: this.#time.isOver ? this.#lastNotes(bare) : bare }
    }
    const notes = this.#lastNotes(bare)
    if (!(error instanceof JSException)) {
      // A WebAssembly trap, most often the end of the stack: the VM's state is undefined until its memory and its stack are put back.
      this.usable = false
      if (!isTrap(error)) {
        this.#blank = undefined
        this.#loaded = undefined
      }
      return { is: 'failed', failure: crashFailure(error), notes }
    }
    const failure = thrownFailure(error)
    if (/out of memory/.test(failure.message) || this.#isFull()) return this.#outOfMemory(notes)
    return { is: 'failed', failure, notes }
  }
}
