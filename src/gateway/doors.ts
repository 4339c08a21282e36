import type { Socket } from 'node:net'
import type { Clock } from '../contracts/clock.ts'
import type { DoorAuth, DoorContext } from '../contracts/door.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { HandlePackets } from '../contracts/packet.ts'
import type { Client } from '../contracts/route.ts'
import type { Scope } from '../contracts/target.ts'
import type { DoorRules } from '../front/messages.ts'
import { type Listener, openListener, type TlsMaterial } from '../listeners/listener.ts'
import { serveMixed } from '../listeners/mixed-door.ts'
import { isUnspecified } from '../wire/address.ts'
import { formatListenAddress, type ListenAddress } from '../wire/listen-address.ts'
import type { FrontedDoor } from './front/fronted-doors.ts'

/** One door as the settings want it. All but the address can change while it is open. */
export interface DoorPlan {
  readonly address: ListenAddress
  /** Its kind in its name; default: `mixed`, or `tls`. */
  readonly kind?: string
  readonly tls?: TlsMaterial
  readonly scope: Scope
  readonly leadsTo?: 'containers'
  readonly auth?: DoorAuth
  /** Whether UDP ASSOCIATE is offered, on a TCP port in clear. */
  readonly carriesPackets: boolean
  /** Address blocks that clients must come from; empty: from anywhere. */
  readonly from: readonly string[]
  admits(client: Client): boolean
}

/** Milliseconds, and a count. Asked anew for each client, so that a reload changes them. */
export interface DoorLimits {
  readonly maxConnections: number
  readonly firstByteMs: number
  readonly handshakeMs: number
  /** Changes when the HTTP side has to be made anew. */
  readonly httpVersion: string
}

/** What a door hands its clients' wishes to, and how its HTTP side is made. */
export interface DoorParts {
  readonly clock: Clock
  limits(): DoorLimits
  nextId(): string
  handleFlow: DoorContext['handleFlow']
  handleRequest: DoorContext['handleRequest']
  /** Absent: no plan may say that it carries packets. */
  readonly handlePackets?: HandlePackets
  refused(door: string, client: Client, error: GatewayError): void
  createHttpDoor(context: DoorContext): HttpSide
  /** What accepts and serves in front of the doors, where there is such a thing. */
  readonly front?: { serve(door: FrontedDoor): void; renewRules(): void; cut(): void }
  /** For the front. */
  rules?(plan: DoorPlan): DoorRules
}

/** The HTTP door behind a mixed one, as far as its life goes. */
export interface HttpSide {
  take(socket: Socket): void
  /** Connections that have not ended, tunnels included. */
  readonly connections: number
  /** No new request on a connection that stands: answers `Connection: close` and ends idle ones. */
  drain(): void
  /** Tells those who wait for an answer that has not begun that there will be none. */
  giveUp(): void
  /** Resets connections with an answer that has begun and is not over. */
  breakOff(): void
}

interface Door {
  plan: DoorPlan
  readonly listener: Listener
  readonly context: DoorContext
  /** Requests by SOCKS. */
  readonly unanswered: Set<AbortController>
  http: HttpSide
  httpVersion: string
}

/** The open doors. They live through reloads: one whose address stays the same keeps its socket and its clients. */
export class Doors {
  readonly #parts: DoorParts
  #doors = new Map<string, Door>()
  /** Doors that the settings no longer want, or that a reload opened which failed, with clients that are still there. */
  #leaving: readonly Door[] = []
  /** HTTP sides with older limits, which serve the clients they have. */
  #olderHttp = new Set<HttpSide>()

  constructor(parts: DoorParts) {
    this.#parts = parts
  }

  /** Every address listened on, as bound. */
  get addresses(): ListenAddress[] {
    return [...this.#doors.values()].map((door) => door.listener.address)
  }

  get connections(): number {
    return [...this.#doors.values(), ...this.#leaving].reduce((sum, door) => sum + door.listener.connections, 0)
  }

  /** `mixed 127.0.0.1:3128` and the like, in the order of the settings. */
  get names(): string[] {
    return [...this.#doors.values()].map((door) => nameOf(door.plan, door.listener.address))
  }

  /** A door in clear for containers, which takes connections that were accepted elsewhere; undefined where there is none. */
  get forContainers(): ((socket: Socket) => void) | undefined {
    const door = [...this.#doors.values()].find(
      ({ plan }) => plan.scope === 'containers' && !plan.tls && plan.address.kind === 'tcp',
    )
    return door && ((socket) => door.listener.adopt(socket, undefined, 0))
  }

  /**
   * Opens what is missing and answers how to finish: `commit` lets the new plans rule and closes what is no longer wanted, `abandon` closes what
   * was opened. Rejects, with everything as it was, when a door can't be opened.
   */
  async prepare(plans: readonly DoorPlan[]): Promise<{ commit(): void; abandon(): void }> {
    const wanted = new Map(keyed(plans))
    const opened = new Map<string, Door>()
    const abandon = () => this.#letLeave([...opened.values()])
    try {
      for (const [key, plan] of wanted) {
        if (this.#doors.has(key)) continue
        const door = await this.#open(plan).catch((thrown) => {
          throw explained(thrown, plan.address, new Map([...this.#doors, ...opened]), wanted)
        })
        opened.set(key, door)
      }
    } catch (thrown) {
      abandon()
      throw thrown
    }
    return { abandon, commit: () => this.#commit(plans, opened) }
  }

  /** Takes no new clients and tells the standing ones to finish. */
  drain(): void {
    for (const door of this.#doors.values()) {
      door.listener.close()
      door.http.drain()
    }
    for (const http of this.#olderHttp) http.drain()
  }

  /** Tells those who wait for an answer that there will be none. It is on its way a turn of the event loop later. */
  giveUp(): void {
    const reason = new GatewayError('SHUTTING_DOWN', 'the gateway is shutting down')
    for (const { http, unanswered } of [...this.#doors.values(), ...this.#leaving]) {
      http.giveUp()
      for (const request of unanswered) request.abort(reason)
    }
    for (const http of this.#olderHttp) http.giveUp()
  }

  /** Ends every connection still open. */
  destroy(): void {
    for (const door of [...this.#doors.values(), ...this.#leaving]) door.http.breakOff()
    for (const http of this.#olderHttp) http.breakOff()
    for (const door of [...this.#doors.values(), ...this.#leaving]) door.listener.destroyConnections()
    this.#parts.front?.cut()
  }

  #commit(plans: readonly DoorPlan[], opened: ReadonlyMap<string, Door>): void {
    const next = new Map<string, Door>()
    for (const [key, plan] of keyed(plans)) {
      const door = this.#doors.get(key) ?? opened.get(key)!
      door.plan = plan
      if (plan.tls) door.listener.setTls(plan.tls)
      door.listener.setMaxConnections(this.#parts.limits().maxConnections)
      this.#renewHttp(door)
      next.set(key, door)
    }
    this.#letLeave([...this.#doors].filter(([key]) => !next.has(key)).map(([, door]) => door))
    this.#doors = next
    this.#parts.front?.renewRules()
  }

  #letLeave(doors: readonly Door[]): void {
    for (const door of doors) {
      door.listener.close()
      door.http.drain()
    }
    this.#leaving = [...this.#leaving, ...doors].filter(
      ({ listener, http }) => listener.connections + http.connections > 0,
    )
  }

  /** Clients to come meet the new limits; those that are there keep theirs, for ending an idle connection may cross a request on its way. */
  #renewHttp(door: Door): void {
    const { httpVersion } = this.#parts.limits()
    if (door.httpVersion === httpVersion) return
    this.#olderHttp = new Set([...this.#olderHttp, door.http].filter((http) => http.connections > 0))
    door.http = this.#parts.createHttpDoor(door.context)
    door.httpVersion = httpVersion
  }

  async #open(plan: DoorPlan): Promise<Door> {
    const parts = this.#parts
    let door: Door | undefined
    const current = () => door?.plan ?? plan
    const http = () => door?.http ?? firstHttp
    let name = nameOf(plan, plan.address)
    const context: DoorContext = {
      get name() {
        return name
      },
      get scope() {
        return current().scope
      },
      // A getter that answers undefined reads as absent; the door asks anew for every client.
      get auth() {
        return current().auth!
      },
      ...(plan.leadsTo ? { leadsTo: plan.leadsTo } : {}),
      nextId: parts.nextId,
      handleFlow: parts.handleFlow,
      handleRequest: parts.handleRequest,
      // Datagrams go in clear, which a client that came by TLS does not expect; one that came by a UNIX socket has no address for them.
      get handlePackets() {
        const { carriesPackets, tls, address } = current()
        return carriesPackets && !tls && address.kind === 'tcp' ? parts.handlePackets! : undefined!
      },
      refused: (client, error) => parts.refused(name, client, error),
    }
    const { httpVersion } = parts.limits()
    const firstHttp = parts.createHttpDoor(context)
    const unanswered = new Set<AbortController>()
    const listener = await openListener({
      address: plan.address,
      clock: parts.clock,
      ...(plan.tls ? { tls: plan.tls } : {}),
      maxConnections: parts.limits().maxConnections,
      tlsHandshakeMs: parts.limits().handshakeMs,
      get firstByteMs() {
        return parts.limits().firstByteMs
      },
      admits: (client) => current().admits(client),
      onClient: (socket, first, answered) => {
        const { handshakeMs } = parts.limits()
        serveMixed(socket, first, context, http(), { clock: parts.clock, handshakeMs, unanswered }, answered)
      },
      onRefused: (client, error) => parts.refused(name, client, error),
    })
    name = nameOf(plan, listener.address)
    door = { plan, listener, context, unanswered, http: firstHttp, httpVersion }
    parts.front?.serve({ listener, context, rules: () => parts.rules!(current()) })
    return door
  }
}

/**
 * What is thrown where a door could not be opened; in other words where what has the port is a door of ours. It goes only once all new ones are
 * open, so that a reload that fails changes nothing, and a port has one listener.
 */
function explained(
  thrown: unknown,
  address: ListenAddress,
  ours: ReadonlyMap<string, Door>,
  wanted: ReadonlyMap<string, DoorPlan>,
): unknown {
  const cause = thrown instanceof GatewayError ? (thrown.cause as NodeJS.ErrnoException) : undefined
  const own = [...ours].find(([, { listener }]) => shareAPort(listener.address, address))
  if (cause?.code !== 'EADDRINUSE' || !own) return thrown
  const [key, { plan, listener }] = own
  const stays = wanted.has(key)
  return new GatewayError(
    'INTERNAL',
    `cannot listen on ${formatListenAddress(address)}: the gateway’s own door ${nameOf(plan, listener.address)} listens there${stays ? '' : ' until the gateway is restarted'}`,
    {
      cause,
      hint: stays ? 'Leave out one of them.' : 'Restart the gateway, or choose another address under `listen`.',
    },
  )
}

/** Whether only one of them can be listened on. */
function shareAPort(one: ListenAddress, other: ListenAddress): boolean {
  if (one.kind !== 'tcp' || other.kind !== 'tcp') return formatListenAddress(one) === formatListenAddress(other)
  if (one.port !== other.port || one.host.includes(':') !== other.host.includes(':')) return false
  return one.host === other.host || isUnspecified(one.host) || isUnspecified(other.host)
}

function nameOf(plan: DoorPlan, address: ListenAddress): string {
  return `${plan.kind ?? (plan.tls ? 'tls' : 'mixed')} ${formatListenAddress(address)}`
}

/**
 * Doors are told apart by where they listen and whether they speak TLS. Port 0 keeps the port it was given first; several doors at port 0 are
 * told apart by their order.
 */
function keyed(plans: readonly DoorPlan[]): [key: string, plan: DoorPlan][] {
  const seen = new Map<string, number>()
  return plans.map((plan) => {
    const name = nameOf(plan, plan.address)
    const place = (seen.get(name) ?? 0) + 1
    seen.set(name, place)
    return [`${name} ${place}`, plan]
  })
}
