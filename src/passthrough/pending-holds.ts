import type { HeldAnswer } from './rules/capture-plan.ts'

/** Attempts under way at once. A host of a thousand containers that all start together has fewer; what is more waits in the client. */
const MAX_PENDING = 4096
/** Of one client: a port scan, or a pool whose servers a lost VPN has taken away, must leave room for the attempts of all others. */
export const MAX_PENDING_A_CLIENT = 512
/** Attempts that have been answered, remembered so that their repetitions are not dialled again. */
const MAX_ANSWERED = 4096

export type HoldState = 'new' | 'repeated' | 'full' | 'full-for-client'

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
  /** What they were told, if anything. In order of time: the first to come is the first to go. */
  readonly #answered = new Map<string, { readonly sequence: number; readonly told: HeldAnswer | undefined }>()

  get size(): number {
    return this.#pending.size
  }

  /** Of one client. */
  of(client: string): number {
    return this.#shares.get(client) ?? 0
  }

  /**
   * A repetition is answered here: it takes the place of the packet before, or is let in or refused as that was; it may have been on its way already when its
   * client was told, or its connection came. `sequence`: TCP's initial sequence number, by which a new attempt from the port of one before is told from a
   * repetition (RFC 9293 §3.4.1).
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
    const answered = this.#answered.get(key)
    if (answered?.sequence === sequence) {
      answer(answered.told)
      return 'repeated'
    }
    this.#answered.delete(key)
    if (this.#pending.size >= MAX_PENDING) return 'full'
    const share = this.of(client)
    if (share >= MAX_PENDING_A_CLIENT) return 'full-for-client'
    this.#shares.set(client, share + 1)
    this.#pending.set(key, { client, sequence, answer })
    return 'new'
  }

  /** Whether `begin` would begin nothing new. */
  repeats(key: string, sequence: number): boolean {
    return this.#pending.has(key) || this.#answered.get(key)?.sequence === sequence
  }

  /** Whether one with these addresses and ports is under way, or has been answered. */
  knows(key: string): boolean {
    return this.#pending.has(key) || this.#answered.has(key)
  }

  /** Lets it in: from here on the connection is expected. */
  expect(key: string, arrived: (socket: Socket) => void): void {
    const pending = this.#pending.get(key)
    if (!pending) return
    pending.arrived = arrived
    pending.answer('accept')
  }

  /** Whether anybody expects a connection whose key ends like this. */
  expectsAny(end: string): boolean {
    for (const [key, { arrived }] of this.#pending) if (arrived && key.endsWith(end)) return true
    return false
  }

  /** Whether somebody expected it, and has it now. */
  deliver(key: string, socket: Socket): boolean {
    const pending = this.#pending.get(key)
    if (!pending?.arrived) return false
    this.#answer(key, pending.sequence, 'accept')
    pending.arrived(socket)
    return true
  }

  /** It is not let in, and neither are its repetitions. `told`: undefined for no answer at all. */
  refuse(key: string, told: HeldAnswer | undefined): void {
    const pending = this.#pending.get(key)
    if (!pending) return
    pending.answer(told)
    this.#answer(key, pending.sequence, told)
  }

  #answer(key: string, sequence: number, told: HeldAnswer | undefined): void {
    this.end(key)
    this.#answered.set(key, { sequence, told })
    if (this.#answered.size > MAX_ANSWERED) this.#answered.delete(this.#answered.keys().next().value!)
  }

  end(key: string): void {
    const pending = this.#pending.get(key)
    if (!pending) return
    this.#pending.delete(key)
    const share = this.#shares.get(pending.client)! - 1
    if (share > 0) this.#shares.set(pending.client, share)
    else this.#shares.delete(pending.client)
  }
}
