import { randomBytes, randomInt } from 'node:crypto'
import { type Clock, systemClock } from '../contracts/clock.ts'
import type { DoorContext } from '../contracts/door.ts'
import type { GatewayError } from '../contracts/gateway-error.ts'
import type { Client } from '../contracts/route.ts'
import { createSystemResolver } from '../dialers/resolver.ts'
import { resolverWithZones } from '../dns/zone-resolver.ts'
import { ClientCounts, clientCountsMemory } from '../front/client-counts.ts'
import { clientName } from '../observe/client-name.ts'
import { FlowRecords } from '../observe/flow-records.ts'
import type { Log } from '../observe/log.ts'
import { Metrics } from '../observe/metrics.ts'
import { createAnsweredNames } from '../passthrough/names/answered-names.ts'
import type { Settings } from '../settings/settings.ts'
import { byteThreads } from './byte-threads.ts'
import { Capture } from './capture.ts'
import { createPacEngines } from './create-pac-engines.ts'
import { tellCrowdedUdp, tellDropped } from './crowded.ts'
import { ROOM_FOR_ALL, type Room } from './descriptor-limit.ts'
import { DnsService } from './dns.ts'
import { Doors } from './doors.ts'
import { drainingBeside } from './draining-gateway.ts'
import { Engine } from './engine.ts'
import { flowHandlers } from './flow-handlers.ts'
import { doorRules } from './front/door-rules.ts'
import { DoorsFront } from './front/doors-front.ts'
import { frontLost } from './front/front-lost.ts'
import { wantsFront } from './front/wants-front.ts'
import type { GatewayOptions } from './gateway-options.ts'
import type { Generation, World } from './generation.ts'
import { createHttpSide, httpVersionOf } from './http-side.ts'
import { tellInternalNetworks } from './internal-networks.ts'
import { tellMissingNetworks } from './missing-networks.ts'
import { namesByContainer } from './names-by-container.ts'
import { leadsBeyond, networkBorders } from './network-borders.ts'
import { createNetworkWatch } from './network-watch.ts'
import { Newcomers } from './newcomers.ts'
import { ownDoorFor } from './own-door.ts'
import { createOwnNetworks } from './own-networks.ts'
import { PacketSessions } from './packet-sessions.ts'
import { Relays } from './relay.ts'
import { resolverByOwner } from './resolver-by-owner.ts'
import { Reverse } from './reverse.ts'
import { tellRulesForNobody } from './rules-for-nobody.ts'
import { StatusDoors } from './status-doors.ts'

/** What was told to clients that the engine does not know, all together: half of what there is for containers. */
const STRANGERS_ANSWERS = 32_768

/** What lives as long as the gateway, through all reloads, put together. Nothing is open yet; `gateway.ts` opens and ends it. */
export class Parts {
  readonly log: Log
  readonly clock: Clock
  readonly world: World
  readonly doors: Doors
  readonly statusDoors: StatusDoors
  readonly records: FlowRecords
  readonly metrics: Metrics
  readonly relays: Relays
  readonly packets: PacketSessions
  readonly capture: Capture
  /** Says what the settings name and the engine does not have, or has to no effect. */
  readonly tellVain: (settings: Settings) => void
  readonly dns: DnsService
  readonly engine: Engine
  readonly reverse: Reverse
  readonly front: DoorsFront | undefined
  readonly #current: () => Generation
  readonly #room: Room
  /** Random: in flow ids, and in Via, by which loops are found. */
  readonly #instance = randomBytes(6).toString('hex')
  #flowCount = 0

  /** `current`: the settings in force, asked for at each use; none before the doors are open. */
  constructor(options: GatewayOptions, current: () => Generation) {
    const clock = options.clock ?? systemClock
    this.log = options.log
    this.clock = clock
    this.#current = current
    this.#room = options.room ?? ROOM_FOR_ALL
    this.metrics = new Metrics(
      () => this.records.size,
      () => this.clientConnections,
      options.logLinesLost,
    )
    this.statusDoors = new StatusDoors(options.log, this.metrics, clock)
    this.records = new FlowRecords(clock, options.log, this.metrics)
    const warn = (message: string) => this.log.warn(message)
    this.relays = new Relays(clock, byteThreads(options.frontThreads), warn)
    this.engine = new Engine(clock, options.log)
    const borders = networkBorders(this.engine)
    const ownNetworks = createOwnNetworks(
      this.engine,
      () => (current() as Generation | undefined)?.settings.dns.containerNames === true,
    )
    let verdicts = 0
    this.engine.onChange(() => void verdicts++)
    const newcomers = new Newcomers({
      clock,
      directory: this.engine,
      refresh: () => this.engine.refresh(),
      matters: (query) =>
        current().settings.containerRules.length > 0 ||
        (query !== undefined && (leadsBeyond(query, borders) || ownNetworks.concerns(query))),
      seeksNewcomer: (query) => ownNetworks.mayConcern(query),
    })
    const system = options.resolver ?? createSystemResolver({ clock })
    const hosts = resolverByOwner(system, (client) => newcomers.ownerOf(client))
    const resolver = resolverWithZones(hosts, {
      clock,
      current: () => this.dns.zones,
      ownerOf: (client) => newcomers.ownerOf(client),
    })
    this.world = {
      clock,
      resolver,
      env: options.env,
      ownEndpoints: () => this.#ownEndpoints(),
      isUncertain: (address) => newcomers.isUncertain(address),
      networkBorders: borders,
      ownNetworks,
      verdicts: () => verdicts,
      pacEngines: createPacEngines({
        clock,
        resolver,
        log: options.log,
        env: options.env,
        ownEndpoints: () => this.#ownEndpoints(),
        isStarting: () => (current() as Generation | undefined) === undefined,
      }),
      networkWatch:
        options.networkWatch ??
        createNetworkWatch({ clock, changed: (what) => this.log.info({ changed: what }, 'the network has changed') }),
      warn,
    }
    const inform = (message: string) => this.log.info(message)
    const tellers = [tellMissingNetworks(warn), tellRulesForNobody(warn), tellInternalNetworks(inform)]
    this.tellVain = (settings) => tellers.forEach((tell) => void tell(settings, this.engine))
    this.engine.onChange(() => this.tellVain(current().settings))
    const dropped = tellDropped(clock, (reason, count) => this.metrics.packetDropped(reason, count), warn)
    this.packets = new PacketSessions({
      clock,
      records: this.records,
      current: () => current().udp,
      nextId: () => this.#nextId(),
      identified: (query) => newcomers.identified(query),
      isStill: (query, decided) => newcomers.isStill(query, decided),
      ownerOf: (address) => newcomers.ownerOf(address),
      dropped,
      places: this.#room.udp,
      crowded: tellCrowdedUdp(clock, warn),
    })
    const maxConnections = () => this.#maxConnections
    const handlers = flowHandlers({
      current,
      newcomers,
      relays: this.relays,
      records: this.records,
      nextId: () => this.#nextId(),
      front: () => this.front,
    })
    const clients = clientCountsMemory(() => randomInt(2 ** 32))
    const front = wantsFront(options)
    if (front) {
      this.front = new DoorsFront({
        clock,
        atOnce: front === 'at-once',
        clients,
        records: this.records,
        identified: (query) => this.engine.identified(query),
        ways: () => ({
          identified: (query) => newcomers.identified(query),
          router: current().router,
          dialers: current().dialers,
        }),
        onLost: (reason, others) => this.log.warn(frontLost(reason, others)),
        pipeSharers: byteThreads(options.frontThreads),
        ...(options.frontThreads ? { threads: options.frontThreads } : {}),
      })
      this.engine.onChange(() => {
        this.front?.own(newcomers.owned)
        this.front?.decideAnew()
      })
      this.engine.onEvent(() => this.front?.decideAnew())
    }
    const onChange = () => this.front?.decideAnew()
    const strangers = createAnsweredNames({ clock, onChange, maxTotal: STRANGERS_ANSWERS })
    const names = namesByContainer(createAnsweredNames({ clock, onChange }), strangers, newcomers, this.engine)
    this.capture = new Capture({
      ...handlers,
      clock,
      resolver,
      maxConnections,
      clients: new ClientCounts(clients, 'doors'),
      names,
      handlePackets: this.packets.open,
      owners: {
        get owned() {
          return newcomers.owned
        },
        onChange: (changed) => this.engine.onChange(changed),
      },
      dropped,
      replySockets: this.#room.replySockets,
      directory: this.engine,
      awaitsEngine: () => this.engine.isAwaited,
      lacksEngine: () => this.engine.isMissing,
      answerDns: (query, client) => this.dns.answer(query, client),
      front: this.front,
      identified: (query) => {
        const identified = newcomers.identified(query)
        return identified instanceof Promise ? undefined : identified
      },
      ownerOf: (address) => newcomers.ownerOf(address),
      ownDoor: (dialled) => ownDoorFor(dialled, current().settings, this.doors),
      inform,
      warn,
    })
    this.dns = new DnsService({
      clock,
      resolver: hosts,
      networkWatch: this.world.networkWatch,
      log: options.log,
      metrics: this.metrics,
      names,
      directory: () => this.engine,
      askers: newcomers,
      ownerOf: (address) => newcomers.ownerOf(address),
      dropped,
      draining: drainingBeside,
    })
    const doorParts = {
      clock,
      nextId: handlers.nextId,
      limits: () => ({
        maxConnections: maxConnections(),
        firstByteMs: current().settings.timeouts.clientHead,
        handshakeMs: current().settings.timeouts.clientHead,
        httpVersion: httpVersionOf(current().settings),
      }),
      refused: (door: string, client: Client, { code, message, hint }: GatewayError) => {
        this.log.info({ door, client: clientName(client), error: { code, message, hint } }, 'client refused')
      },
      createHttpDoor: (context: DoorContext) =>
        createHttpSide(context, {
          clock,
          settings: current().settings,
          pseudonym: this.#pseudonym,
          relay: (client, upstream, signal, counts) =>
            this.relays.for(current().settings)(client, upstream, signal, counts),
        }),
    }
    this.doors = new Doors({
      ...doorParts,
      ...handlers,
      handlePackets: this.packets.open,
      rules: (plan) =>
        doorRules(plan, current().settings, this.#maxConnections, this.#pseudonym, options.frontPatienceMs),
      ...(this.front ? { front: this.front } : {}),
    })
    this.reverse = new Reverse({
      ...doorParts,
      engine: this.engine,
      records: this.records,
      relays: this.relays,
      ...options.reverse,
    })
  }

  get clientConnections(): number {
    return this.doors.connections + this.reverse.connections + this.capture.connections
  }

  get #maxConnections(): number {
    return Math.min(this.#current().settings.limits.connections, this.#room.connections)
  }

  /** Our name in Via. */
  get #pseudonym(): string {
    return `fairlead-${this.#instance}`
  }

  #nextId(): string {
    this.#flowCount += 1
    return `${this.#instance}-${this.#flowCount}`
  }

  #ownEndpoints(): { address: string; port: number }[] {
    const doors = [...this.doors.addresses, ...this.reverse.addresses]
    const all = [...doors, ...this.statusDoors.addresses, ...this.dns.addresses]
    const explicit = all.flatMap((address) =>
      address.kind === 'tcp' ? [{ address: address.host, port: address.port }] : [],
    )
    return [...explicit, ...this.capture.endpoints]
  }
}
