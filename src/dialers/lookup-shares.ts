import type { Clock } from '../contracts/clock.ts'
import { isFairShare } from '../contracts/fair-share.ts'

/** Milliseconds. A lookup that has not ended by then holds up others: an answer of a server that is there takes a tenth of it. */
const SLOW_MS = 1000
/** Milliseconds for which a zone stays slow after its last slow lookup. RFC 9520 §3.2 lets failures hold for up to 5 minutes. */
const SLOW_ZONE_MS = 30_000
/** Zones remembered as slow; the oldest goes first. */
const SLOW_ZONES = 512
/** Of all lookups, what names in slow zones may have together. */
const SLOW_SHARE = 1 / 4
/** Of all lookups, those beside another one of the same name. They end soon where they help; where they do not, they must not cost others their turn. */
const BESIDE_SHARE = 1 / 4

/** A lookup that runs. */
export interface RunningLookup {
  readonly zone: string
  readonly client: string
  readonly since: number
  readonly network: number
}

/**
 * Who may have the next of the few lookups that the system does at once. A name that no server answers for holds one for 10 s (resolv.conf's 5 s
 * twice) and nobody can end it, so two such names a second would take them all. Hence no client has more than half of what the others leave, and
 * names in zones that were slow a moment ago, as those of a VPN that is gone, have a quarter together, whoever asks.
 */
export class LookupShares {
  readonly #clock: Clock
  readonly #slots: number
  readonly #running = new Set<RunningLookup>()
  /** Those that nobody's share is reckoned by: they have a thread, and that is all. */
  readonly #besides = new Set<RunningLookup>()
  readonly #answered = new Set<RunningLookup>()
  readonly #slowUntil = new Map<string, number>()
  /** Counted up with each network. */
  #network = 0

  constructor(clock: Clock, slots: number) {
    this.#clock = clock
    this.#slots = slots
  }

  /** Undefined where none is to be had, or not for this name and client. To be ended with `end`. */
  begin(name: string, client: string): RunningLookup | undefined {
    const lookup = this.#lookup(name, client)
    if (this.isFull || !this.#hasShare(client) || !this.#zoneHasShare(lookup)) return undefined
    this.#running.add(lookup)
    return lookup
  }

  /**
   * A second lookup of a name that has one, whoever asks: one for each zone at a time. For names of a slow zone it does not take the last thread, which would
   * hold up everybody for a server that is gone.
   */
  beside(name: string): RunningLookup | undefined {
    const lookup = this.#lookup(name, '')
    const here = [...this.#besides].filter(({ network }) => network === this.#network)
    if (this.isFull || here.length >= Math.max(1, Math.floor(this.#slots * BESIDE_SHARE))) return undefined
    if (here.some(({ zone }) => zone === lookup.zone)) return undefined
    if ((this.#slowUntil.get(lookup.zone) ?? 0) > lookup.since && this.#taken + 1 === this.#slots) return undefined
    this.#besides.add(lookup)
    return lookup
  }

  /** It is not waited for any longer, and says nothing of its zone, but keeps its thread. */
  answered(lookup: RunningLookup): void {
    this.#running.delete(lookup)
    this.#answered.add(lookup)
  }

  end(lookup: RunningLookup): void {
    if (this.#besides.delete(lookup) || this.#answered.delete(lookup)) return
    this.#running.delete(lookup)
    if (lookup.network !== this.#network) return
    const now = this.#clock.monotonic()
    this.#slowUntil.delete(lookup.zone)
    if (now - lookup.since < SLOW_MS) return
    // A Map keeps the order of insertion, so the first key is the oldest.
    if (this.#slowUntil.size >= SLOW_ZONES) this.#slowUntil.delete(this.#slowUntil.keys().next().value!)
    this.#slowUntil.set(lookup.zone, now + SLOW_ZONE_MS)
  }

  /** Another network, where other zones are slow. What runs keeps its thread, and says nothing of them. */
  forget(): void {
    this.#slowUntil.clear()
    this.#network++
  }

  get isFull(): boolean {
    return this.#taken >= this.#slots
  }

  get #taken(): number {
    return this.#running.size + this.#besides.size + this.#answered.size
  }

  #lookup(name: string, client: string): RunningLookup {
    return { zone: zoneOf(name), client, since: this.#clock.monotonic(), network: this.#network }
  }

  #hasShare(client: string): boolean {
    let own = 0
    for (const running of this.#running) if (running.client === client) own++
    return isFairShare(own + 1, this.#taken + 1, this.#slots)
  }

  #zoneHasShare({ zone, since }: RunningLookup): boolean {
    const here = [...this.#running].filter(({ network }) => network === this.#network)
    const slow = new Set<string>()
    for (const running of here) if (this.#isSlow(running, since)) slow.add(running.zone)
    if (!slow.has(zone) && !((this.#slowUntil.get(zone) ?? 0) > since)) return true
    let together = 0
    for (const running of here) {
      if (slow.has(running.zone) || running.zone === zone) together++
    }
    return together < Math.max(1, Math.floor(this.#slots * SLOW_SHARE))
  }

  #isSlow({ zone, since }: RunningLookup, now: number): boolean {
    return now - since >= SLOW_MS || (this.#slowUntil.get(zone) ?? 0) > now
  }
}

/** The parent, which mostly has servers of its own; of a name of two labels or one, itself: one dead name under `com` says nothing of others. */
function zoneOf(name: string): string {
  const labels = name.toLowerCase().replace(/\.$/, '').split('.')
  return (labels.length > 2 ? labels.slice(1) : labels).join('.')
}
