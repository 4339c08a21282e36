/** What is known of a socket that many clients are answered by; as of `SocketMemory`. */
export interface SendRoom {
  readonly leaving: number
  readonly sendBuffer: number
}

/**
 * Milliseconds for which what did not leave at once is held to be there still: Linux asks three times for a neighbour, a second apart (arp(7),
 * mcast_solicit and retrans_time_ms), and drops what waits for it then.
 */
const HELD_MS = 4_000

/**
 * Who holds how much of one socket's send buffer. What a client that is there is sent leaves at once; what stays belongs to one that is not, or not any
 * more. Nobody may hold more than is left for all others, so that something is left, whoever holds what.
 */
export class SendShares {
  readonly #now: () => number
  readonly #held = new Map<string, number>()
  /** In the order of their sending; none is there that holds nothing, so what the buffer holds bounds it. */
  #sent: { readonly owner: string; readonly bytes: number; readonly until: number }[] = []

  /** `now`: monotonic ms. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether an owner may be sent one more. */
  allows(owner: string, { leaving, sendBuffer }: SendRoom): boolean {
    this.#forget(leaving === 0 ? Number.POSITIVE_INFINITY : this.#now())
    // Nobody holds more than there is: what was held for a moment by the network card has left.
    return Math.min(this.#held.get(owner) ?? 0, leaving) <= Math.max(0, sendBuffer - leaving)
  }

  /** `stays`: the bytes by which what is on its way has grown with it. */
  sent(owner: string, stays: number): void {
    if (stays <= 0) return
    this.#held.set(owner, (this.#held.get(owner) ?? 0) + stays)
    this.#sent.push({ owner, bytes: stays, until: this.#now() + HELD_MS })
  }

  #forget(now: number): void {
    const first = this.#sent.findIndex(({ until }) => until > now)
    for (const { owner, bytes } of first < 0 ? this.#sent : this.#sent.slice(0, first)) {
      const left = this.#held.get(owner)! - bytes
      if (left > 0) this.#held.set(owner, left)
      else this.#held.delete(owner)
    }
    this.#sent = first < 0 ? [] : first > 0 ? this.#sent.slice(first) : this.#sent
  }
}
