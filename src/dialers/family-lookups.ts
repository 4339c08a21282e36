import type { Clock } from '../contracts/clock.ts'
import type { ResolvedAddress } from '../contracts/resolver.ts'
import type { LookupShares, RunningLookup } from './lookup-shares.ts'
import type { Lookup } from './system-lookup.ts'

/** Milliseconds after which IPv4 is asked for beside a lookup of both families. Servers that answer both have mostly done so. */
const BESIDE_MS = 250
/** Milliseconds for which the whole answer is waited for once IPv4 is there (RFC 8305 §3, which has 50; a minute without IPv6 hangs on it here). */
const RESOLUTION_DELAY_MS = 250
/** Milliseconds after which a whole answer tells of a server that leaves half of the questions unanswered, where no thread was left to ask it. */
const LATE_MS = 2000
/** Milliseconds for which IPv6 is waited for where IPv4 says that there is no such name: some systems say so of names without IPv4, too. */
const NO_NAME_MS = 1000
/** Milliseconds for which such a server is remembered. */
const MUTE_MS = 60_000
/** Milliseconds for which IPv6 that came in time says of servers that they do answer for it: a name that is late is late by itself then, or a datagram was lost. */
const SEEN_MS = 300_000

type Tell = (found: readonly ResolvedAddress[], error?: unknown) => void

/** One name that has its turn. */
interface Asked {
  readonly name: string
  readonly turn: RunningLookup
  readonly tell: Tell
  readonly network: number
  answered: boolean
  /** Ends what it waits for. */
  cancel(): void
}

/**
 * Names to addresses of both families, also behind DNS servers that answer for IPv4 and leave questions for IPv6 unanswered (RFC 4074 §4.1), where getaddrinfo
 * has nothing for 5 to 15 s. IPv4 alone is asked for beside, and is the answer where the whole is not there by then. getaddrinfo can't be ended,
 * so what still runs keeps its thread; hence such a network is remembered, and IPv4 asked for first there.
 */
export class FamilyLookups {
  readonly #clock: Clock
  readonly #lookup: Lookup
  readonly #shares: LookupShares
  /** Told when another lookup may begin. */
  readonly #freed: () => void
  /** Those beside which IPv4 is to be asked for, as soon as there is a thread. At most one for each that runs. */
  readonly #waiting = new Set<Asked>()
  /** By `clock.monotonic()`; in the past: one name tries whether IPv6 is answered for. */
  #muteUntil: number | undefined
  #trial: Asked | undefined
  /** By `clock.monotonic()`: when IPv6 last came in time. */
  #seenAt: number | undefined
  /** Counted up with each network. */
  #network = 0

  constructor(options: {
    readonly clock: Clock
    readonly lookup: Lookup
    readonly shares: LookupShares
    readonly freed: () => void
  }) {
    this.#clock = options.clock
    this.#lookup = options.lookup
    this.#shares = options.shares
    this.#freed = options.freed
  }

  /** `tell` hears once. The turn is ended when the system has done with it, which may be later. */
  ask(name: string, turn: RunningLookup, tell: Tell): void {
    const asked: Asked = { name, turn, tell, network: this.#network, answered: false, cancel() {} }
    if (!this.#asksIpv4First(asked)) {
      asked.cancel = this.#clock.after(BESIDE_MS, () => {
        this.#waiting.add(asked)
        this.startWaiting()
      })
      this.#askBoth(asked)
      return
    }
    this.#lookup(name, 4).then(
      (found) => (found.length > 0 ? this.#end(asked, found) : this.#askBoth(asked)),
      (error: unknown) => {
        // Servers that say nothing about IPv4 either need not be waited for twice.
        if (isSilence(error)) return this.#end(asked, [], error)
        // That holds for both families in DNS; a hosts file may have IPv6 all the same, and says so at once.
        if (isNoName(error)) {
          asked.cancel = this.#clock.after(NO_NAME_MS, () => {
            this.#shares.answered(asked.turn)
            this.#tell(asked, [], error)
            this.#freed()
          })
        }
        this.#askBoth(asked)
      },
    )
  }

  /** There may be a thread. */
  startWaiting(): void {
    for (const asked of this.#waiting) {
      const place = this.#shares.beside(asked.name)
      if (!place) continue
      this.#waiting.delete(asked)
      this.#lookup(asked.name, 4)
        .then(
          (found) => this.#ipv4Came(asked, found),
          () => {},
        )
        .finally(() => {
          this.#shares.end(place)
          this.#freed()
        })
    }
  }

  /** Another network, where other servers answer. */
  forget(): void {
    this.#network++
    this.#muteUntil = undefined
    this.#trial = undefined
    this.#seenAt = undefined
  }

  #asksIpv4First(asked: Asked): boolean {
    if (this.#muteUntil === undefined) return false
    if (this.#trial || this.#clock.monotonic() < this.#muteUntil) return true
    this.#trial = asked
    return false
  }

  #askBoth(asked: Asked): void {
    const began = this.#clock.monotonic()
    this.#lookup(asked.name).then(
      (found) => {
        const hasIpv6 = found.some(({ family }) => family === 6)
        if (hasIpv6 && !asked.answered && asked.network === this.#network) this.#seenAt = this.#clock.monotonic()
        const late = this.#waiting.has(asked) && this.#clock.monotonic() - began >= LATE_MS
        if (late && !hasIpv6 && found.length > 0) this.#isMute(asked)
        else if (this.#trial === asked && !asked.answered && found.length > 0) this.#muteUntil = undefined
        this.#end(asked, found)
      },
      (error: unknown) => this.#end(asked, [], error),
    )
  }

  #ipv4Came(asked: Asked, found: readonly ResolvedAddress[]): void {
    if (found.length === 0 || asked.answered) return
    const answer = () => {
      this.#isMute(asked)
      this.#shares.answered(asked.turn)
      this.#tell(asked, found)
      this.#freed()
    }
    // What is known of the network need not be waited for.
    if (asked !== this.#trial && this.#muteUntil !== undefined) answer()
    else asked.cancel = this.#clock.after(RESOLUTION_DELAY_MS, answer)
  }

  #isMute({ network }: Asked): void {
    if (network !== this.#network) return
    const now = this.#clock.monotonic()
    if (this.#seenAt !== undefined && now - this.#seenAt < SEEN_MS) return
    this.#muteUntil = now + MUTE_MS
  }

  #end(asked: Asked, found: readonly ResolvedAddress[], error?: unknown): void {
    asked.cancel()
    this.#waiting.delete(asked)
    if (this.#trial === asked) this.#trial = undefined
    this.#shares.end(asked.turn)
    this.#tell(asked, found, error)
    this.#freed()
  }

  #tell(asked: Asked, found: readonly ResolvedAddress[], error?: unknown): void {
    if (asked.answered) return
    asked.answered = true
    asked.tell(found, error)
  }
}

/** libuv's number, for Node has one code for a name that does not exist and for one without an address of the family. */
const UV_EAI_NONAME = -3008

function isNoName(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.errno === UV_EAI_NONAME
}

function isSilence(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'EAI_AGAIN'
}
