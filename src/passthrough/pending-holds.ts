/** Attempts under way at once. A host of a thousand containers that all start together has fewer; what is more waits in the client. */
const MAX_PENDING = 4096
/** Attempts that get no answer, remembered so that their repetitions are not dialled again. */
const MAX_SILENT = 4096

export type HoldState = 'new' | 'repeated' | 'silent' | 'full'

/** Connection attempts by the addresses and ports of both ends: a client sends its SYN again while it waits. */
export class PendingHolds<Socket> {
  readonly #pending = new Map<string, ((socket: Socket) => void) | undefined>()
  /** In order of time: the first to come is the first to go. */
  readonly #silent = new Set<string>()

  get size(): number {
    return this.#pending.size
  }

  begin(key: string): HoldState {
    if (this.#pending.has(key)) return 'repeated'
    if (this.#silent.has(key)) return 'silent'
    if (this.#pending.size >= MAX_PENDING) return 'full'
    this.#pending.set(key, undefined)
    return 'new'
  }

  /** From here on the connection is expected. */
  expect(key: string, arrived: (socket: Socket) => void): void {
    this.#pending.set(key, arrived)
  }

  /** Whether somebody expected it, and has it now. */
  deliver(key: string, socket: Socket): boolean {
    const arrived = this.#pending.get(key)
    if (!arrived) return false
    this.#pending.delete(key)
    arrived(socket)
    return true
  }

  end(key: string): void {
    this.#pending.delete(key)
  }

  /** It gets no answer at all, and neither do its repetitions. */
  silence(key: string): void {
    this.#pending.delete(key)
    this.#silent.add(key)
    if (this.#silent.size > MAX_SILENT) this.#silent.delete(this.#silent.values().next().value!)
  }
}
