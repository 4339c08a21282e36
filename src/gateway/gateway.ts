import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import type { Server } from 'node:http'
import { dirname } from 'node:path'
import { type Clock, systemClock } from '../contracts/clock.ts'
import type { ContainerDirectory } from '../contracts/containers.ts'
import type { DoorContext } from '../contracts/door.ts'
import type { Flow } from '../contracts/flow.ts'
import { GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import type { NetworkWatch } from '../contracts/network-watch.ts'
import type { RequestFlow } from '../contracts/request.ts'
import type { Resolver } from '../contracts/resolver.ts'
import type { Client } from '../contracts/route.ts'
import { createSystemResolver } from '../dialers/resolver.ts'
import { bind } from '../listeners/bind.ts'
import { createAdminServer } from '../observe/admin-server.ts'
import { FlowRecords, type FlowTotals, type LiveFlow } from '../observe/flow-records.ts'
import type { Log } from '../observe/log.ts'
import { Metrics } from '../observe/metrics.ts'
import type { PacStatus } from '../pac-engine/create-pac-engine.ts'
import { createAnsweredNames } from '../passthrough/names/answered-names.ts'
import type { Settings } from '../settings/settings.ts'
import { formatListenAddress, type ListenAddress } from '../wire/listen-address.ts'
import { Capture } from './capture.ts'
import { createPacEngines } from './create-pac-engines.ts'
import { DnsService, type DnsStatus } from './dns.ts'
import { Doors } from './doors.ts'
import { Engine, type EngineStatus } from './engine.ts'
import { doorRules } from './front/door-rules.ts'
import { DoorsFront } from './front/doors-front.ts'
import { handleHeldFlow, wantsFront } from './front/handle-held-flow.ts'
import { createGeneration, type Generation, type World } from './generation.ts'
import { handleFlow } from './handle-flow.ts'
import { handleRequest } from './handle-request.ts'
import { createHttpSide, httpVersionOf } from './http-side.ts'
import { createNetworkWatch } from './network-watch.ts'
import { ownDoorFor } from './own-door.ts'
import { PacketSessions } from './packet-sessions.ts'
import { type Prepared, prepareAll } from './prepare-all.ts'
import { Relays } from './relay.ts'
import { Reverse } from './reverse.ts'
import { VERSION } from './version.ts'

export interface GatewayOptions {
  readonly settings: Settings
  readonly log: Log
  readonly env: Readonly<Record<string, string | undefined>>
  /** For tests and the demo; default: the host's own. */
  readonly resolver?: Resolver
  readonly clock?: Clock
  /** For tests; default: the machine's own network. Closed with the gateway. */
  readonly networkWatch?: NetworkWatch
  /** For tests, whose containers have loopback addresses: what the reverse door never dials. */
  readonly isNeverContainers?: (address: string) => boolean
  /** Client connections that the system has room for at each door, whatever the settings allow. */
  readonly connectionCap?: number
  /**
   * Put a thread in front of the doors where it can be (Linux, the fast path on); `at-once`: and open none without. Default: false, but
   * `at-once` where FAIRLEAD_FAST_RELAY says so.
   */
  readonly front?: boolean | 'at-once'
}

/** What `fairlead status` shows. */
export interface GatewayStatus {
  readonly version: string
  readonly pid: number
  readonly uptimeMs: number
  readonly generation: number
  readonly doors: readonly string[]
  /** Absent where it is off. */
  readonly dns?: DnsStatus
  /** Absent: none is followed. */
  readonly engine?: EngineStatus
  readonly clientConnections: number
  readonly liveFlows: number
  /** Scripts in use: where from, by what way, which version, how old, and what is wrong with them. */
  readonly pac: readonly PacStatus[]
  /** Of flows that have ended. */
  readonly totals: FlowTotals
  /** The oldest live ones. */
  readonly flows: readonly LiveFlow[]
}

/** Flows that `status` lists at most: a person reads a screen, not ten thousand lines. */
const FLOWS_SHOWN = 100
/** Milliseconds between looks whether the last flow has ended while draining. */
const DRAIN_POLL_MS = 20

/** Starts a gateway. Rejects, with nothing left open, when a door or a PAC script stands in the way. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const gateway = new Gateway(options)
  await gateway.start(options.settings).catch(async (thrown: unknown) => {
    await gateway.abandon()
    throw thrown
  })
  return gateway
}

export class Gateway {
  readonly #log: Log
  readonly #clock: Clock
  readonly #world: World
  readonly #doors: Doors
  readonly #records: FlowRecords
  readonly #metrics: Metrics
  readonly #connectionCap: number
  readonly #startedAt: number
  /** Random: in flow ids, and in Via, by which loops are found. */
  readonly #instance = randomBytes(6).toString('hex')
  readonly #relays: Relays
  readonly #packets: PacketSessions
  readonly #capture: Capture
  readonly #dns: DnsService
  readonly #engine: Engine
  readonly #reverse: Reverse
  readonly #front: DoorsFront | undefined
  #admin: { readonly server: Server; readonly address: ListenAddress }[] = []
  #flowCount = 0
  #generations = 0
  /** Set by `start`, before any door is open. */
  #current!: Generation
  /** Reloads queue up: each is made from the newest settings, one after the other. */
  #reloading: Promise<void> = Promise.resolve()

  constructor(options: GatewayOptions) {
    const clock = options.clock ?? systemClock
    this.#log = options.log
    this.#clock = clock
    this.#connectionCap = options.connectionCap ?? Number.POSITIVE_INFINITY
    this.#startedAt = clock.monotonic()
    this.#metrics = new Metrics(
      () => this.#records.size,
      () => this.#clientConnections,
    )
    this.#records = new FlowRecords(clock, options.log, this.#metrics)
    this.#relays = new Relays(clock, (message) => this.#log.warn(message))
    this.#engine = new Engine(clock, options.log)
    const resolver = options.resolver ?? createSystemResolver({ clock })
    this.#world = {
      clock,
      resolver,
      env: options.env,
      ownEndpoints: () => this.#ownEndpoints(),
      pacEngines: createPacEngines({
        clock,
        resolver,
        log: options.log,
        env: options.env,
        ownEndpoints: () => this.#ownEndpoints(),
      }),
      networkWatch:
        options.networkWatch ??
        createNetworkWatch({ clock, changed: (what) => this.#log.info({ changed: what }, 'the network has changed') }),
      warn: (message) => this.#log.warn(message),
    }
    this.#packets = new PacketSessions({
      clock,
      records: this.#records,
      current: () => this.#current.udp,
      nextId: () => this.#nextId(),
      dropped: (reason) => this.#metrics.packetDropped(reason),
    })
    const maxConnections = () => this.#maxConnections
    const handlers = {
      nextId: () => this.#nextId(),
      handleFlow: (flow: Flow, signal: AbortSignal) => {
        const { router, dialers, settings } = this.#current
        return handleFlow(
          this.#engine.identified(flow),
          { router, dialers, relay: this.#relays.for(settings), records: this.#records },
          signal,
        )
      },
      handleRequest: (flow: RequestFlow, signal: AbortSignal) => {
        const { router, requests } = this.#current
        return handleRequest(this.#engine.identified(flow), { router, requests, records: this.#records }, signal)
      },
    }
    const names = createAnsweredNames({ clock })
    this.#capture = new Capture({
      ...handlers,
      clock,
      resolver,
      maxConnections,
      names,
      handlePackets: this.#packets.open,
      directory: this.#engine,
      answerDns: (query, client) => this.#dns.answer(query, client),
      ownDoor: (dialled) => ownDoorFor(dialled, this.#current.settings, this.#doors),
      warn: (message) => this.#log.warn(message),
    })
    this.#dns = new DnsService({
      clock,
      resolver,
      networkWatch: this.#world.networkWatch,
      log: options.log,
      metrics: this.#metrics,
      names,
      directory: () => this.#engine,
    })
    const front = wantsFront(options)
    if (front) {
      this.#front = new DoorsFront({
        clock,
        atOnce: front === 'at-once',
        identified: (flow) => this.#engine.identified(flow),
        handleFlow: (flow) => {
          const { router, dialers } = this.#current
          return handleHeldFlow(flow, { router, dialers, records: this.#records })
        },
        onLost: (reason) => this.#log.warn(`clients are served without the thread in front: ${reason}`),
      })
    }
    const doorParts = {
      clock,
      nextId: handlers.nextId,
      limits: () => ({
        maxConnections: maxConnections(),
        firstByteMs: this.#current.settings.timeouts.clientHead,
        handshakeMs: this.#current.settings.timeouts.clientHead,
        httpVersion: httpVersionOf(this.#current.settings),
      }),
      refused: (door: string, client: Client, { code, message, hint }: GatewayError) => {
        this.#log.info({ door, client: client.address ?? 'unix', error: { code, message, hint } }, 'client refused')
      },
      createHttpDoor: (context: DoorContext) =>
        createHttpSide(context, {
          clock,
          settings: this.#current.settings,
          pseudonym: this.#pseudonym,
          relay: (client, upstream, signal, counts) =>
            this.#relays.for(this.#current.settings)(client, upstream, signal, counts),
        }),
    }
    this.#doors = new Doors({
      ...doorParts,
      ...handlers,
      handlePackets: this.#packets.open,
      rules: (plan) => doorRules(plan, this.#current.settings, this.#maxConnections, this.#pseudonym),
      ...(this.#front ? { front: this.#front } : {}),
    })
    this.#reverse = new Reverse({
      ...doorParts,
      engine: this.#engine,
      records: this.#records,
      relays: this.#relays,
      ...(options.isNeverContainers ? { isNever: options.isNeverContainers } : {}),
    })
  }

  get #maxConnections(): number {
    return Math.min(this.#current.settings.limits.connections, this.#connectionCap)
  }

  /** Our name in Via. */
  get #pseudonym(): string {
    return `fairlead-${this.#instance}`
  }

  /** Every address listened on, as bound; doors only. */
  get addresses(): ListenAddress[] {
    return this.#doors.addresses
  }

  get doors(): string[] {
    return [...this.#doors.names, ...this.#reverse.names, ...this.#capture.names, ...this.#dns.names]
  }

  get adminAddresses(): string[] {
    return this.#admin.map(({ address }) => formatListenAddress(address))
  }

  /** Tunnels that the thread in front of the doors has opened. */
  get frontTunnels(): number {
    return this.#front?.tunnels ?? 0
  }

  get settings(): Settings {
    return this.#current.settings
  }

  /** The engine's containers; the same object through reloads. */
  get containers(): ContainerDirectory {
    return this.#engine
  }

  async start(settings: Settings): Promise<void> {
    this.#current = await createGeneration(++this.#generations, settings, this.#world)
    this.#world.networkWatch.onChange(() => this.#networkChanged())
    this.#engine.configure(settings.engine)
    try {
      const ready = await this.#prepare(this.#current)
      ready.commit()
    } catch (thrown) {
      this.#current.retire()
      this.#engine.close()
      throw thrown
    }
    await this.#front?.settled()
    // Doors are open by now; one that has not started must not go on serving.
    await this.#openAdmin(settings)
      .then(() => this.#capture.apply(settings))
      .catch(async (thrown: unknown) => {
        await this.close()
        throw thrown
      })
  }

  /**
   * Puts other settings in force: all of them, in one step, or none. Flows keep the decisions they were made with. Rejects with what stood in the
   * way, the running settings then stay.
   */
  reload(settings: Settings): Promise<void> {
    const done = this.#reloading.then(() => this.#reload(settings))
    this.#reloading = done.catch(() => {})
    return done
  }

  async #reload(settings: Settings): Promise<void> {
    try {
      const next = await createGeneration(this.#generations + 1, settings, this.#world)
      const ready = await this.#prepare(next).catch((thrown) => {
        next.retire()
        throw thrown
      })
      await this.#capture.apply(settings).catch((thrown: unknown) => {
        ready.abandon()
        next.retire()
        throw thrown
      })
      const previous = this.#current
      this.#generations += 1
      this.#current = next
      ready.commit()
      this.#engine.configure(settings.engine)
      await this.#front?.settled()
      previous.retire()
      this.#metrics.reloaded(true)
      if (JSON.stringify(previous.settings.status) !== JSON.stringify(settings.status)) {
        this.#log.warn('status.listen has changed; it takes effect at the next start')
      }
    } catch (thrown) {
      this.#metrics.reloaded(false)
      throw thrown
    }
  }

  #prepare({ doorPlans, settings, number }: Generation): Promise<Prepared> {
    return prepareAll([
      () => this.#doors.prepare(doorPlans),
      () => this.#reverse.prepare(settings, number),
      () => this.#dns.prepare(settings),
    ])
  }

  get #clientConnections(): number {
    return this.#doors.connections + this.#reverse.connections + this.#capture.connections
  }

  /** Running flows are left alone: one that can live on does. */
  #networkChanged(): void {
    this.#world.resolver.forget?.()
    this.#world.pacEngines.networkChanged()
    this.#current.networkChanged()
  }

  /** For a gateway that could not start: ends what would keep the process alive. `close` does it otherwise. */
  async abandon(): Promise<void> {
    this.#world.networkWatch.close()
    await this.#front?.close()
  }

  status(): GatewayStatus {
    const engine = this.#engine.status()
    return {
      version: VERSION,
      pid: process.pid,
      uptimeMs: Math.round(this.#clock.monotonic() - this.#startedAt),
      generation: this.#current.number,
      doors: this.doors,
      ...(this.#dns.status ? { dns: this.#dns.status } : {}),
      ...(engine ? { engine } : {}),
      clientConnections: this.#clientConnections,
      liveFlows: this.#records.size,
      pac: this.#world.pacEngines.status(),
      totals: { ...this.#records.totals },
      flows: this.#records.live(FLOWS_SHOWN),
    }
  }

  /** Takes nothing new, gives running flows `limitMs` milliseconds, then ends what is left. Answers how many flows had to be ended. */
  async drain(limitMs: number): Promise<number> {
    this.#doors.drain()
    this.#reverse.drain()
    this.#packets.drain()
    this.#capture.drain()
    const deadline = this.#clock.monotonic() + limitMs
    while (this.#records.size > 0 && this.#clock.monotonic() < deadline) {
      await new Promise<void>((resolve) => setTimeout(resolve, DRAIN_POLL_MS))
    }
    const cut = this.#records.size
    await this.close()
    return cut
  }

  /** Ends everything at once. */
  async close(): Promise<void> {
    this.#records.shutDown()
    this.#world.networkWatch.close()
    this.#engine.close()
    this.#doors.drain()
    this.#doors.destroy()
    this.#reverse.close()
    this.#packets.close()
    this.#dns.close()
    this.#current.retire()
    for (const { server } of this.#admin) {
      server.close()
      server.closeAllConnections()
    }
    await this.#capture
      .close()
      .catch((thrown: unknown) => this.#log.error({ error: toGatewayError(thrown).message }, 'capture'))
    await Promise.all([this.#relays.close(), this.#front?.close()])
  }

  #nextId(): string {
    this.#flowCount += 1
    return `${this.#instance}-${this.#flowCount}`
  }

  #ownEndpoints(): { address: string; port: number }[] {
    const doors = [...this.#doors.addresses, ...this.#reverse.addresses]
    const all = [...doors, ...this.#admin.map(({ address }) => address), ...this.#dns.addresses]
    const explicit = all.flatMap((address) =>
      address.kind === 'tcp' ? [{ address: address.host, port: address.port }] : [],
    )
    return [...explicit, ...this.#capture.endpoints]
  }

  async #openAdmin(settings: Settings): Promise<void> {
    for (const { address, auto } of settings.status.listen) {
      const server = createAdminServer(() => this.status(), this.#metrics)
      try {
        if (address.kind === 'unix') await makeFolder(dirname(address.path))
        this.#admin.push({ server, address: await bind(server, address) })
      } catch (thrown) {
        const error = toGatewayError(thrown)
        if (!auto) throw thrown
        this.#log.warn({ error: error.message }, 'no status socket; `fairlead status` will not find this gateway')
      }
    }
  }
}

/** Only the gateway's own user may look in: what stands in the status tells who goes where. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    throw new GatewayError('INTERNAL', `cannot make the folder ${path}: ${cause.code}`, {
      cause,
      hint: 'Choose another address under `status.listen`, or `off`.',
    })
  })
}
