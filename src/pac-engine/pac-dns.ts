import { domainToASCII } from 'node:url'
import type { Clock } from '../contracts/clock.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { ResolvedAddress, Resolver } from '../contracts/resolver.ts'
import { addressLiteral } from './address-literal.ts'
import type { PacLimits } from './limits.ts'
import type { LookupTurn } from './time-spent.ts'
import type { DnsEntry } from './vm-outcome.ts'

/** The name under which the own addresses stand. */
export const OWN = ''

/** Milliseconds by which a timer may be early, for it counts whole ones. */
const EARLY_MS = 2

const NO_TURN = 'a name that the PAC script asks for waits behind others that take long to resolve'
const NO_TURN_HINT = 'The DNS servers of this machine are slow or gone.'

interface Lookup {
  readonly found: Promise<DnsEntry | undefined>
  readonly turn: LookupTurn
}

interface Known {
  readonly addresses: string | null
  /** By `clock.monotonic()`. */
  expires: number
  /** By `clock.monotonic()`: until when it is believed while it is asked again, if scripts still ask for it. Later than `expires` where it took long not to resolve. */
  readonly staleUntil: number
  /** It is null because no answer came in time. */
  readonly late: boolean
  /** A script was told it since. */
  used: boolean
  /** Counted up with each answer that says something else than the one before. */
  readonly serial: number
}

/**
 * What the scripts may know of DNS. Answers are shared by all evaluations and expire; a name that does not resolve, or not in time, is known too,
 * as null. `onChange` hears of everything that is learnt and forgotten.
 */
export class PacDns {
  readonly #known = new Map<string, Known>()
  readonly #underWay = new Map<string, Lookup>()
  /** What ends the wait for each lookup, without an answer. */
  readonly #giveUps = new Set<() => void>()
  readonly #resolver: Resolver
  readonly #myAddresses: () => Promise<readonly string[]>
  readonly #clock: Clock
  readonly #limits: PacLimits
  readonly #onChange: (changes: readonly DnsEntry[]) => void
  #nextExpiry = Number.POSITIVE_INFINITY
  /** Counted up with each network. */
  #network = 0
  #serial = 0

  constructor(options: {
    readonly resolver: Resolver
    readonly myAddresses: () => Promise<readonly string[]>
    readonly clock: Clock
    readonly limits: PacLimits
    readonly onChange: (changes: readonly DnsEntry[]) => void
  }) {
    this.#resolver = options.resolver
    this.#myAddresses = options.myAddresses
    this.#clock = options.clock
    this.#limits = options.limits
    this.#onChange = options.onChange
  }

  /** All that is known now. */
  entries(): DnsEntry[] {
    this.sweep()
    return [...this.#known].map(([name, { addresses }]) => [name, addresses] as const)
  }

  /** Of the answer that was learnt last. */
  get serial(): number {
    return this.#serial
  }

  /**
   * When a decision that hangs on these names must be asked for again, by `clock.monotonic()`. `serial` was the last when the script was given what is known, and `told` is what
   * it was told besides. 0: it hangs on something that holds no longer.
   */
  expiryOf(names: readonly string[], serial: number, told?: ReadonlyMap<string, string | null>): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const name of names) {
      const known = this.#known.get(name)
      if (!known) return 0
      const held = told?.get(name)
      if (held === undefined ? known.serial > serial : held !== known.addresses) return 0
      earliest = Math.min(earliest, known.expires)
    }
    return earliest
  }

  /** What is known of these, as long as it is. */
  answersTo(names: readonly string[]): DnsEntry[] {
    return names.flatMap((name) => {
      const known = this.#known.get(name)
      return known ? [[name, known.addresses] as const] : []
    })
  }

  /** It does not resolve because no answer came in its time. */
  isLate(name: string): boolean {
    return this.#known.get(name)?.late === true
  }

  /** Scripts were told these. */
  noteUsed(names: readonly string[]): void {
    for (const name of names) {
      const known = this.#known.get(name)
      if (known) known.used = true
    }
  }

  /**
   * Looks up what is not known yet, and tells the answers, but for those that the network before gave. A name that is not answered in its time does not resolve; rejects with `GatewayError` LIMIT_REACHED when its turn
   * did not come, behind lookups that take long: that says nothing about the name, and must not decide. `turns` is told those of the names that it waits for.
   */
  async resolve(names: readonly string[], turns: LookupTurn[] = []): Promise<DnsEntry[]> {
    const network = this.#network
    const known = this.answersTo(names)
    const unknown = names.filter((name) => !this.#known.has(name))
    const lookups = unknown.map((name) => this.#lookUpOnce(name))
    for (const { turn } of lookups) turns.push(turn)
    const found = await Promise.all(lookups.map(({ found }) => found))
    // What was gathered before the network changed is nothing to whoever waits: it asks again.
    if (network !== this.#network) return this.answersTo(names)
    return [...known, ...found.filter((entry) => entry !== undefined)]
  }

  /**
   * Forgets what is too old. A name that takes long not to resolve, and that scripts still ask for, is asked again behind, so that not every few seconds all wait for it.
   */
  sweep(): void {
    const now = this.#clock.monotonic()
    if (now < this.#nextExpiry) return
    const gone: DnsEntry[] = []
    this.#nextExpiry = Number.POSITIVE_INFINITY
    for (const [name, known] of this.#known) {
      if (known.expires <= now && !this.#askBehind(name, known, now)) {
        this.#known.delete(name)
        gone.push([name])
      } else this.#nextExpiry = Math.min(this.#nextExpiry, known.expires)
    }
    if (gone.length > 0) this.#onChange(gone)
  }

  /** The network is another one: nothing known holds. */
  forgetAll(): void {
    const gone = [...this.#known.keys()].map((name) => [name] as const)
    this.#known.clear()
    this.#network++
    // Nobody who asks from now on shares a lookup that the old network answers.
    this.#underWay.clear()
    // Nor does anybody wait for it to the end: a server that is there no more takes its whole time.
    for (const giveUp of [...this.#giveUps]) giveUp()
    if (gone.length > 0) this.#onChange(gone)
  }

  #askBehind(name: string, known: Known, now: number): boolean {
    if (!known.used || known.staleUntil <= now) return false
    known.expires = Math.min(now + this.#limits.dnsNameMs, known.staleUntil)
    // Where its turn does not come it is forgotten when it is too old.
    this.#lookUpOnce(name).found.catch(() => {})
    return true
  }

  #lookUpOnce(name: string): Lookup {
    const known = this.#underWay.get(name)
    if (known) return known
    const turn = { queued: Number.POSITIVE_INFINITY, started: Number.POSITIVE_INFINITY }
    const found = this.#lookUp(name, turn).finally(() => {
      if (this.#underWay.get(name) === lookup) this.#underWay.delete(name)
    })
    const lookup: Lookup = { found, turn }
    this.#underWay.set(name, lookup)
    return lookup
  }

  async #lookUp(name: string, turn: LookupTurn): Promise<DnsEntry | undefined> {
    const network = this.#network
    const began = this.#clock.monotonic()
    const lookup = name === OWN ? this.#inTime(this.#ownAddresses()) : this.#addressesOf(name, turn)
    const addresses = await lookup.catch((error: unknown) => {
      // A turn that did not come in the network before is nothing in this one.
      if (network === this.#network) throw error
      return null
    })
    // Answered by the network before: whoever waits for it asks again.
    return network === this.#network ? this.#learn(name, addresses, began, turn) : undefined
  }

  /** What comes after its time, which nobody waits for. */
  #learnLate(name: string, addresses: string | null, network: number): void {
    if (addresses === null || network !== this.#network || typeof this.#known.get(name)?.addresses === 'string') return
    this.#learn(name, addresses, this.#clock.monotonic())
  }

  #learn(name: string, addresses: string | null, began: number, turn?: LookupTurn): DnsEntry {
    const { myAddressesMs, dnsGoodMs, dnsBadMs, dnsNameMs, dnsSlowMs, dnsStaleMs, dnsEntries } = this.#limits
    const lifetime = name === OWN ? myAddressesMs : addresses === null ? dnsBadMs : dnsGoodMs
    const now = this.#clock.monotonic()
    const slow = name !== OWN && addresses === null && now - began >= dnsSlowMs
    const expires = now + lifetime
    const staleUntil = slow ? expires + dnsStaleMs : expires
    const asked = turn && Number.isFinite(turn.started) ? turn.started : began
    const late = slow && now - asked >= dnsNameMs - EARLY_MS
    const before = this.#known.get(name)
    const serial = before && before.addresses === addresses ? before.serial : ++this.#serial
    const entry = [name, addresses] as const
    const changes: DnsEntry[] = [entry]
    // To the end of the row, if it was known.
    if (!this.#known.delete(name) && this.#known.size >= dnsEntries) {
      const [oldest] = this.#known.keys()
      if (oldest !== undefined) {
        this.#known.delete(oldest)
        changes.push([oldest])
      }
    }
    this.#known.set(name, { addresses, expires, staleUntil, late, used: false, serial })
    this.#nextExpiry = Math.min(this.#nextExpiry, expires)
    this.#onChange(changes)
    return entry
  }

  async #ownAddresses(): Promise<string | null> {
    const addresses = await this.#myAddresses()
    return addresses.length > 0 ? addresses.join(';') : null
  }

  #inTime(lookup: Promise<string | null>): Promise<string | null> {
    return new Promise((resolve) => {
      const giveUp = () => settle(null)
      const cancel = this.#clock.after(this.#limits.dnsNameMs, giveUp)
      const settle = (addresses: string | null) => {
        cancel()
        this.#giveUps.delete(giveUp)
        resolve(addresses)
      }
      this.#giveUps.add(giveUp)
      lookup.then(settle, giveUp)
    })
  }

  async #addressesOf(name: string, turn: LookupTurn): Promise<string | null> {
    const literal = addressLiteral(name)
    if (literal !== undefined) return literal
    const ascii = /^[\x21-\x7e]*$/.test(name) ? name : domainToASCII(name)
    // RFC 1035 §2.3.4, with a trailing dot.
    if (ascii === '' || ascii.length > 254) return null
    return new Promise((resolve, reject) => {
      const { dnsNameMs, dnsTurnMs } = this.#limits
      const gaveUp = new AbortController()
      const giveUp = (settle: () => void) => () => {
        settle()
        end()
        gaveUp.abort(new GatewayError('RESOLVE_FAILED', `${ascii} took too long to resolve`))
      }
      const network = this.#network
      const learnLate = (found: readonly ResolvedAddress[]) => this.#learnLate(name, joined(found), network)
      let isLate = false
      const noAnswer = () => {
        // One whose turn has come is with the system, and answered some time: soon, if only the first of its servers is silent.
        isLate = turn.started !== Number.POSITIVE_INFINITY
        if (!isLate) return giveUp(() => resolve(null))()
        resolve(null)
        end()
      }
      const noTurn = giveUp(() => reject(new GatewayError('LIMIT_REACHED', NO_TURN, { hint: NO_TURN_HINT })))
      let cancel = this.#clock.after(dnsNameMs, noAnswer)
      const waitFor = (ms: number, task: () => void, began: keyof LookupTurn) => () => {
        turn[began] = this.#clock.monotonic()
        cancel()
        cancel = this.#clock.after(ms, task)
      }
      const end = () => {
        cancel()
        this.#giveUps.delete(noAnswer)
      }
      this.#giveUps.add(noAnswer)
      const progress = {
        queued: waitFor(dnsTurnMs, noTurn, 'queued'),
        started: waitFor(dnsNameMs, noAnswer, 'started'),
      }
      this.#resolver
        .resolve(ascii, gaveUp.signal, { progress })
        .then((found) => (isLate ? learnLate(found) : resolve(joined(found))))
        // A resolver that has too much to do has not said that there is no such name.
        .catch((thrown: unknown) => (isOverloaded(thrown) ? noTurn() : resolve(null)))
        .finally(end)
    })
  }
}

function joined(found: readonly ResolvedAddress[]): string | null {
  return found.length > 0 ? found.map(({ address }) => address).join(';') : null
}

function isOverloaded(thrown: unknown): boolean {
  return thrown instanceof GatewayError && thrown.code === 'LIMIT_REACHED'
}
