import type { DropReason } from '../contracts/packet.ts'
import type { Client } from '../contracts/route.ts'
import type { DnsClient, Outcome } from '../dns/answerer.ts'
import { type DnsDoor, openDnsDoor, type TcpAddress } from '../dns/dns-door.ts'
import { createHostServers } from '../dns/host-servers.ts'
import type { Reach } from '../dns/inhibition.ts'
import type { ZonesInForce } from '../dns/zone-resolver.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Settings } from '../settings/settings.ts'
import { formatListenAddress } from '../wire/listen-address.ts'
import { admitsFrom } from './admits-from.ts'
import { AwaitedDoors, canCome } from './awaited-doors.ts'
import { hears } from './dns-hears.ts'
import { isSame, type Serving, type ServingParts, startServing } from './dns-serving.ts'
import { openOrAwait } from './draining-gateway.ts'
import { seldom } from './seldom.ts'

export interface DnsParts extends Omit<ServingParts, 'reachFound'> {
  readonly log: Log
  readonly metrics: Metrics
  /** See `UdpQuestionsOptions`. */
  dropped(reason: DropReason, count: number): void
  /** In words, a gateway that drains here, and may have an address that these settings want. */
  draining(settings: Settings): Promise<string | undefined>
}

/** What `fairlead status` shows. */
export interface DnsStatus {
  readonly listen: readonly string[]
  readonly cached: number
  readonly waiting: number
  readonly tcpConnections: number
  /** What the host reaches; absent where that decides nothing. */
  readonly reach?: { readonly ipv4: boolean; readonly ipv6: boolean }
}

interface OpenDoor {
  readonly door: DnsDoor
  admits: (client: Client) => boolean
}

interface Awaited {
  readonly open: () => Promise<OpenDoor>
  /** In words, who has the address, and the error that says so; absent where there is no such address. */
  readonly taken?: { readonly who: string; readonly message: string }
}

/** Milliseconds between two lines about questions that could not be answered. */
const FAILURE_LOG_MS = 10_000
/** Of `dns.questions`, the names that doors look up in zones at once. Each asks two questions: half is left for DNS, whatever the doors want. */
const ZONES_SHARE = 1 / 4
/** Milliseconds between lines about clients that are not answered: anybody can send. */
const STRANGER_LOG_MS = 60_000
/** And about connections that cannot be taken. */
const TROUBLE_LOG_MS = 10_000

/** The containers' DNS server: its doors live through reloads, and so does what it knows, unless its own settings change. */
export class DnsService {
  readonly #parts: DnsParts
  readonly #hostServers: () => readonly { readonly address: string; readonly port: number }[]
  readonly #stranger: (who: { readonly door: string; readonly client: string | undefined }) => void
  readonly #failed: (failure: NonNullable<Outcome['failure']>) => void
  readonly #troubled: (cause: Error) => void
  readonly #reachFound: (reach: Reach) => void
  #doors = new Map<string, OpenDoor>()
  /** Of earlier settings, while they answer what they were asked. */
  readonly #leaving = new Map<string, OpenDoor>()
  /** At addresses that this machine does not have yet, or another gateway still has. */
  readonly #awaited: AwaitedDoors<OpenDoor>
  #serving: Serving | undefined

  constructor(parts: DnsParts) {
    this.#parts = parts
    this.#hostServers = createHostServers({ clock: parts.clock, isOwn: (address, port) => this.#isOwn(address, port) })
    this.#failed = seldom(parts.clock, FAILURE_LOG_MS, (failure, more) =>
      parts.log.warn({ ...failure, alike: more }, 'a DNS question could not be answered'),
    )
    this.#stranger = seldom(parts.clock, STRANGER_LOG_MS, (who, more) =>
      parts.log.warn({ ...who, alike: more }, 'asks DNS and gets no answer: dns.listen does not name it under from'),
    )
    this.#troubled = seldom(parts.clock, TROUBLE_LOG_MS, (cause, more) =>
      parts.log.warn({ error: cause.message, alike: more }, 'dns.listen: cannot take connections'),
    )
    let told: string | undefined
    // Other settings make another probe, whose first look tells what the last one's did.
    this.#reachFound = (reach) => {
      const found = JSON.stringify(reach)
      if (found !== told) parts.log.info(reach, 'where the host reaches anything (dnsInhibition: auto)')
      told = found
    }
    this.#awaited = new AwaitedDoors({
      clock: parts.clock,
      opened: (key, open) => {
        this.#doors.set(key, open)
        parts.log.info(`dns.listen: DNS is answered on ${formatListenAddress(open.door.address)} now`)
      },
      close: ({ door }) => door.close(),
      warn: (message) => parts.log.warn(message),
    })
    parts.networkWatch.onChange(() => this.#serving?.lookups.forget())
  }

  /** As bound. */
  get addresses(): TcpAddress[] {
    return [...this.#doors.values()].map(({ door }) => door.address)
  }

  get names(): string[] {
    const awaited = this.#awaited.keys.map((key) => `dns ${key.split(' ')[0]} (waits for the address)`)
    return [...this.addresses.map((address) => `dns ${formatListenAddress(address)}`), ...awaited]
  }

  /** For doors of the containers, which look names in zones up here. */
  get zones(): ZonesInForce | undefined {
    if (!this.#serving) return undefined
    const { lookups, settings } = this.#serving
    const maxNames = Math.max(1, Math.floor(settings.dns.questions * ZONES_SHARE))
    return { lookups, timeoutMs: settings.dns.timeout, maxNames }
  }

  get status(): DnsStatus | undefined {
    if (!this.#serving || this.#doors.size === 0) return undefined
    const { answerer, lookups, probe } = this.#serving
    return {
      listen: this.addresses.map(formatListenAddress),
      cached: lookups.cached,
      waiting: answerer.waiting,
      tcpConnections: [...this.#doors.values()].reduce((sum, { door }) => sum + door.tcpConnections, 0),
      ...(probe?.reach ? { reach: probe.reach } : {}),
    }
  }

  /** For questions that were captured rather than addressed to one of the doors; see `Answerer.answer`. */
  async answer(query: Buffer, client: DnsClient): Promise<Buffer | undefined> {
    return this.#serving?.answerer.answer(query, client)
  }

  /** As `Doors.prepare`: opens what is missing; `commit` puts the settings in force, `abandon` leaves everything as it was. */
  async prepare(settings: Settings): Promise<{ commit(): void; abandon(): void }> {
    const opened = new Map<string, OpenDoor>()
    const awaited = new Map<string, Awaited>()
    const abandon = () => {
      for (const [key, door] of opened) this.#leave(key, door)
      this.#awaited.goOn()
    }
    await this.#awaited.pause()
    const isAwaited = new Set(this.#awaited.keys)
    try {
      for (const [key, { address, from }] of keyed(settings)) {
        if (this.#doors.has(key)) continue
        const open = async () => this.#return(key, admitsFrom(from)) ?? this.#open(address, admitsFrom(from))
        let taken: Awaited['taken']
        const door = await openOrAwait(
          open,
          async () => (isAwaited.has(key) ? undefined : this.#parts.draining(settings)),
          (who, message) => {
            taken = { who, message }
          },
        ).catch((thrown) => {
          // Another program may have come first to an address that is waited for: that is no fault of these settings.
          if (!isAwaited.has(key) && !canCome(address.host, thrown)) throw thrown
        })
        if (door) opened.set(key, door)
        else awaited.set(key, { open, ...(taken ? { taken } : {}) })
      }
    } catch (thrown) {
      abandon()
      throw thrown
    }
    return { abandon, commit: () => this.#commit(settings, opened, awaited) }
  }

  /** Waits for no address any more. Those that it has it goes on to answer at: nobody else may do it before this gateway has ended. */
  drain(): void {
    this.#awaited.close()
  }

  /** For another gateway that wants them: takes no more questions at its addresses. Captured ones are answered as before. Whether it had any. */
  leaveDoors(): boolean {
    const had = this.#doors.size > 0
    for (const [key, door] of this.#doors) this.#leave(key, door)
    this.#doors.clear()
    return had
  }

  close(): void {
    this.#awaited.close()
    for (const { door } of [...this.#doors.values(), ...this.#leaving.values()]) door.close()
    this.#doors.clear()
    this.#leaving.clear()
    this.#serving?.probe?.close()
  }

  #commit(settings: Settings, opened: ReadonlyMap<string, OpenDoor>, awaited: ReadonlyMap<string, Awaited>): void {
    this.#await(awaited)
    this.#awaited.goOn()
    const next = new Map<string, OpenDoor>()
    for (const [key, { from }] of keyed(settings)) {
      const door = this.#doors.get(key) ?? opened.get(key)
      if (!door) continue
      door.admits = admitsFrom(from)
      next.set(key, door)
    }
    for (const [key, door] of this.#doors) if (!next.has(key)) this.#leave(key, door)
    this.#doors = next
    const previous = this.#serving
    if (previous && isSame(previous.settings, settings)) return
    this.#serving = startServing(
      settings,
      { ...this.#parts, reachFound: this.#reachFound },
      this.#hostServers,
      (outcome) => this.#answered(outcome),
    )
    previous?.probe?.close()
  }

  #await(awaited: ReadonlyMap<string, Awaited>): void {
    const before = new Set(this.#awaited.keys)
    // Without one whose address has come since it was looked for.
    const wanted = [...awaited].filter(([key]) => !this.#doors.has(key))
    const told = wanted.flatMap(([key, { taken }]): [string, string][] => (taken ? [[key, taken.message]] : []))
    this.#awaited.set(new Map(wanted.map(([key, { open }]) => [key, open])), new Map(told))
    for (const [key, { taken }] of wanted) {
      if (before.has(key)) continue
      const where = key.split(' ')[0]
      this.#parts.log.warn(
        taken
          ? `dns.listen: ${taken.who} may have ${where}; its end is waited for, and DNS is answered there as soon as the address is free`
          : `dns.listen: this machine has no address for ${where} yet; it is waited for, and DNS is answered there as soon as it comes. The bridge of an engine comes with the engine; a mistyped address never does`,
      )
    }
  }

  #leave(key: string, open: OpenDoor): void {
    this.#leaving.set(key, open)
    open.door.drain(() => this.#leaving.delete(key))
  }

  /** A door that is wanted again before it has closed: its address is still taken. */
  #return(key: string, admits: OpenDoor['admits']): OpenDoor | undefined {
    const open = this.#leaving.get(key)
    if (!open) return undefined
    this.#leaving.delete(key)
    open.door.resume()
    open.admits = admits
    return open
  }

  async #open(address: TcpAddress, admits: OpenDoor['admits']): Promise<OpenDoor> {
    const open: { admits: OpenDoor['admits'] } = { admits }
    const door = await openDnsDoor({
      ...this.#parts,
      address,
      admits: (client) => {
        const admitted = open.admits(client)
        if (!admitted) this.#stranger({ door: formatListenAddress(address), client: client.address })
        return admitted
      },
      answer: (query, client) => this.answer(query, client),
      troubled: this.#troubled,
      maxTcpConnections: () => this.#serving?.settings.dns.tcpConnections ?? 0,
    })
    return Object.assign(open, { door })
  }

  #answered({ transport, rcode, failure }: Outcome): void {
    this.#parts.metrics.dnsAnswered(transport, rcode)
    if (failure !== undefined) this.#failed(failure)
  }

  #isOwn(address: string, port: number): boolean {
    const leaving = [...this.#leaving.values()].map(({ door }) => door.address)
    return [...this.addresses, ...leaving].some((door) => hears(door, { address, port }))
  }
}

function keyed({ dns }: Settings): [key: string, plan: Settings['dns']['listen'][number]][] {
  const seen = new Map<string, number>()
  return dns.listen.map((plan) => {
    const name = formatListenAddress(plan.address)
    const place = (seen.get(name) ?? 0) + 1
    seen.set(name, place)
    return [`${name} ${place}`, plan]
  })
}
