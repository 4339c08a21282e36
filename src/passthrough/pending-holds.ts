import type { HeldAnswer } from './rules/capture-plan.ts'

/** Attempts under way at once. A host of a thousand containers that all start together has fewer; what is more waits in the client. */
const MAX_PENDING = 4096
/** Of one client: a port scan, or a pool whose servers a lost VPN has taken away, must leave room for the attempts of all others. */
export const MAX_PENDING_A_CLIENT = 512
/** Attempts that get no answer, remembered so that their repetitions are not dialled again. */
const MAX_SILENT = 4096

export type HoldState = 'new' | 'repeated' | 'silent' | 'full' | 'full-for-client'

/** Says to the kernel what becomes of a held packet; `undefined` drops it. */
export type AnswerHeld = (answer: HeldAnswer | undefined) => void

interface Pending<Socket> {
  readonly client: string
  readonly sequence: number
  /** To the packet that came last: the kernel may have lost those before, with the rules, when they are put anew. */
  answer: AnswerHeld
  /** Set once the connection is expected. */
  arrived?: (socket: Socket) => void
}

/** Connection attempts by the addresses and ports of both ends: a client sends its SYN again while it waits. */
export class PendingHolds<Socket> {
  readonly #pending = new Map<string, Pending<Socket>>()
  /** Attempts under way, by client. */
  readonly #shares = new Map<string, number>()
  /** Their sequence numbers, in order of time: the first to come is the first to go. */
  readonly #silent = new Map<string, number>()

  get size(): number {
    return this.#pending.size
  }

  /** Of one client. */
  of(client: string): number {
    return this.#shares.get(client) ?? 0
  }

  /**
   * A repetition is answered here: it takes the place of the packet before, or is let in as that was. `sequence`: TCP's initial sequence number, by which a
   * new attempt from the port of one that got no answer is told from a repetition (RFC 9293 §3.4.1).
   */
  begin(key: string, client: string, sequence: number, answer: AnswerHeld): HoldState {
    const known = this.#pending.get(key)
    if (known) {
      if (known.arrived) answer('accept')
      else {
        known.answer(undefined)
        known.answer = answer
      }
      return 'repeated'
    }
    if (this.#silent.get(key) === sequence) return 'silent'
    this.#silent.delete(key)
    if (this.#pending.size >= MAX_PENDING) return 'full'
    const share = this.of(client)
    if (share >= MAX_PENDING_A_CLIENT) return 'full-for-client'
    this.#shares.set(client, share + 1)
    this.#pending.set(key, { client, sequence, answer })
    return 'new'
  }

  /** Whether it is under way, or gets no answer. */
  knows(key: string): boolean {
    return this.#pending.has(key) || this.#silent.has(key)
  }

  /** Lets it in: from here on the connection is expected. */
  expect(key: string, arrived: (socket: Socket) => void): void {
    const pending = this.#pending.get(key)
    if (!pending) return
    pending.arrived = arrived
    pending.answer('accept')
  }

  /** Whether somebody expected it, and has it now. */
  deliver(key: string, socket: Socket): boolean {
    const arrived = this.#pending.get(key)?.arrived
    if (!arrived) return false
    this.end(key)
    arrived(socket)
    return true
  }

  /** It is not let in. */
  refuse(key: string, answer: HeldAnswer): void {
    this.#pending.get(key)?.answer(answer)
    this.end(key)
  }

  end(key: string): void {
    const pending = this.#pending.get(key)
    if (!pending) return
    this.#pending.delete(key)
    const share = this.#shares.get(pending.client)! - 1
    if (share > 0) this.#shares.set(pending.client, share)
    else this.#shares.delete(pending.client)
  }

  /** It gets no answer at all, and neither do its repetitions. */
  silence(key: string): void {
    const pending = this.#pending.get(key)
    if (!pending) return
    pending.answer(undefined)
    this.end(key)
    this.#silent.set(key, pending.sequence)
    if (this.#silent.size > MAX_SILENT) this.#silent.delete(this.#silent.keys().next().value!)
  }
}
