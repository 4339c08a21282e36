import { setMaxListeners } from 'node:events'
import type { Dialed } from '../contracts/dialer.ts'
import { GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import type {
  CapturedName,
  DropReason,
  Packet,
  PacketClient,
  PacketConn,
  PacketDialer,
  PacketSession,
} from '../contracts/packet.ts'
import type { Route, RouteQuery, Router } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import type { FlowRecords } from '../observe/flow-records.ts'
import { formatAuthority } from '../wire/target.ts'
import { PacketFlow } from './packet-flow.ts'

/** What a datagram's way depends on; of the generation of the settings in force when its flow begins. */
export interface PacketParts {
  readonly router: Router
  readonly packets: PacketDialer
}

export interface SessionParts {
  readonly records: FlowRecords
  current(): PacketParts
  nextId(): string
  now(): number
  /** The same with the container that the client is, as soon as that is known. */
  identified(query: RouteQuery): RouteQuery | Promise<RouteQuery>
  /** Whether what was decided for this client, a container or none that was known, holds for whoever has the address now. */
  isStill(query: RouteQuery, decided?: 'refused'): boolean
  /** Whether this client may have one flow more; counts it if so. */
  takePlace(): boolean
  leavePlace(): void
  dropped(reason: DropReason, count?: number): void
}

/**
 * The life of the datagrams of one client's socket, as `handle-flow.ts` is that of a tunnel: each new far side is decided, and shares the way out
 * with the others that leave the same way, so that all see the client at one address and port.
 */
export class Session implements PacketSession {
  readonly #client: PacketClient
  readonly #parts: SessionParts
  readonly #onClose: () => void
  readonly #flows = new Map<string, PacketFlow>()
  /** By the way they leave. */
  readonly #conns = new Map<string, SharedConn>()
  /** With what keeps further flows from one. */
  readonly #openConns = new Map<PacketConn, () => void>()
  readonly #closedConns = new WeakSet<PacketConn>()
  readonly #abort = new AbortController()
  readonly #flowLimit: number

  constructor(client: PacketClient, parts: SessionParts, flowLimit: number, onClose: () => void) {
    this.#client = client
    this.#parts = parts
    this.#flowLimit = flowLimit
    this.#onClose = onClose
    // Every flow that is being decided listens.
    setMaxListeners(0, this.#abort.signal)
  }

  get flows(): number {
    return this.#flows.size
  }

  send({ peer, data }: Packet, captured?: CapturedName): void {
    if (this.#abort.signal.aborted) return
    const flow = this.#flowTo(peer) ?? this.#begin(peer, captured)
    switch (flow?.state.kind) {
      case undefined:
        this.#parts.dropped('limit')
        break
      case 'refused':
        this.#parts.dropped('refused')
        this.#client.refused(peer, flow.state.error)
        break
      case 'deciding':
        if (!flow.keep(data)) this.#parts.dropped('waiting')
        break
      case 'open':
        flow.sent(data, this.#parts.now())
        flow.state.conn.send({ peer, data, ...flow.state.asks })
    }
  }

  /** Ends the flows on which nothing has passed for long enough, and those of who has gone; the ways out that nobody uses any more go with them. */
  sweep(limitMs = Number.POSITIVE_INFINITY): void {
    const now = this.#parts.now()
    for (const [key, flow] of this.#flows) {
      if (this.#isOfAnother(flow)) this.#end(key, flow, 'finished')
      else if (flow.isOver(now, limitMs)) this.#end(key, flow, 'idle')
    }
    for (const conn of this.#openConns.keys()) this.#countLost(conn)
    this.#countLost(this.#client)
  }

  close(): void {
    if (this.#abort.signal.aborted) return
    this.#abort.abort(new GatewayError('CLIENT_GONE', 'the client has closed its socket'))
    for (const [key, flow] of this.#flows) this.#end(key, flow, 'finished')
    for (const { opened } of this.#conns.values()) void opened.then(({ value }) => value.close(), ignore)
    this.#countLost(this.#client)
    this.#onClose()
  }

  #flowTo(peer: Target): PacketFlow | undefined {
    const key = formatAuthority(peer)
    const flow = this.#flows.get(key)
    if (!flow || !this.#isOfAnother(flow)) return flow
    this.#end(key, flow, 'finished')
    return undefined
  }

  /** A container has ended and the next one has its address: the same address and port are another client's now. */
  #isOfAnother({ decidedFor, state }: PacketFlow): boolean {
    if (!decidedFor) return false
    return !this.#parts.isStill(decidedFor, state.kind === 'refused' ? 'refused' : undefined)
  }

  #begin(peer: Target, captured?: CapturedName): PacketFlow | undefined {
    if (this.#flows.size >= this.#flowLimit || !this.#parts.takePlace()) return undefined
    const asked = queryOf(this.#client, peer, captured)
    const query = this.#parts.identified(asked)
    const { door, protocol } = this.#client
    const known = query instanceof Promise ? asked : query
    const record = this.#parts.records.open({ ...known, id: this.#parts.nextId(), door, protocol })
    const flow = new PacketFlow(peer, record, this.#parts.now())
    const key = formatAuthority(peer)
    this.#flows.set(key, flow)
    void this.#open(key, flow, query)
    return flow
  }

  async #open(key: string, flow: PacketFlow, asked: RouteQuery | Promise<RouteQuery>): Promise<void> {
    try {
      const query = await asked
      flow.decidedFor = query
      flow.record.identified(query.client)
      const { router, packets } = this.#parts.current()
      const route = await router.route(query, this.#abort.signal)
      flow.record.decided(route)
      const dialed = await this.#connFor(route, query, packets)
      flow.record.dialed(dialed)
      const { state } = flow
      if (this.#flows.get(key) !== flow || state.kind !== 'deciding') return
      if (this.#closedConns.has(dialed.value)) throw new GatewayError('CONNECT_RESET', 'the way out has closed already')
      // Of all far sides of a way out each has a name of its own.
      flow.state = { kind: 'open', conn: dialed.value, asks: query.captured ? { query } : {} }
      for (const data of state.waiting) this.send({ peer: flow.peer, data })
    } catch (thrown) {
      if (this.#flows.get(key) === flow) this.#refuse(flow, toGatewayError(thrown))
    }
  }

  #connFor(route: Route, query: RouteQuery, packets: PacketDialer): Promise<Dialed<PacketConn>> {
    // It has no way, which reads like the direct one.
    if (route.decision === 'reject') return packets.open(route, query, this.#abort.signal)
    const way = wayOf(route)
    const known = this.#conns.get(way)
    if (known) return known.opened
    const opened = packets.open(route, query, this.#abort.signal)
    this.#conns.set(way, { opened })
    const forget = () => {
      if (this.#conns.get(way)?.opened === opened) this.#conns.delete(way)
    }
    opened.then(({ value }) => this.#use(value, forget), forget)
    return opened
  }

  #use(conn: PacketConn, forget: () => void): void {
    this.#openConns.set(conn, forget)
    conn.onPacket((packet) => this.#came(packet, conn))
    conn.onRefused((peer, error) => {
      const flow = this.#flows.get(formatAuthority(peer))
      if (flow?.state.kind === 'open' && flow.state.conn === conn) this.#refuse(flow, error)
    })
    void conn.closed.then(() => {
      forget()
      this.#countLost(conn)
      this.#openConns.delete(conn)
      this.#closedConns.add(conn)
      for (const [key, flow] of this.#flows) {
        if (flow.state.kind === 'open' && flow.state.conn === conn) this.#end(key, flow, 'upstream-reset')
      }
    })
    if (this.#abort.signal.aborted) conn.close()
  }

  #came(packet: Packet, conn: PacketConn): void {
    const flow = this.#flows.get(formatAuthority(packet.asked ?? packet.peer))
    if (flow?.state.kind !== 'open' || flow.state.conn !== conn) return
    flow.came(packet.data, this.#parts.now())
    this.#client.receive(packet)
  }

  #countLost(side: { lost?(): number }): void {
    const count = side.lost?.() ?? 0
    if (count > 0) this.#parts.dropped('overrun', count)
  }

  #refuse(flow: PacketFlow, error: GatewayError): void {
    const before = flow.state
    const waiting = before.kind === 'deciding' ? before.waiting.length : 0
    flow.state = { kind: 'refused', error, since: this.#parts.now() }
    if (waiting > 0) this.#parts.dropped('refused', waiting)
    flow.end(flow.packetsDown > 0 ? 'upstream-reset' : 'rejected', error)
    // The next try begins with a new one.
    if (before.kind === 'open') this.#leave(before.conn)
    this.#client.refused(flow.peer, error)
  }

  #end(key: string, flow: PacketFlow, ended: string): void {
    this.#flows.delete(key)
    this.#parts.leavePlace()
    const { state } = flow
    // A refusal has had its line.
    if (state.kind === 'deciding') flow.end('client-gone')
    else if (state.kind === 'open') flow.end(ended)
    if (state.kind !== 'open') return
    state.conn.forget(flow.peer)
    this.#leave(state.conn)
  }

  /** A way out that no open flow uses is closed, and found by none any more. */
  #leave(conn: PacketConn): void {
    for (const { state } of this.#flows.values()) if (state.kind === 'open' && state.conn === conn) return
    this.#openConns.get(conn)?.()
    conn.close()
  }
}

interface SharedConn {
  readonly opened: Promise<Dialed<PacketConn>>
}

/** Without the container that the client was when its socket was first met: the next one with its address may have the same port. */
function queryOf(
  { scope, client: { container: _, ...client } }: PacketClient,
  peer: Target,
  captured?: CapturedName,
): RouteQuery {
  // Which of `http` and `https` speaks for it: as for every port but 80.
  const base = { scheme: 'https', scope, client } as const
  if (!captured) return { ...base, target: peer }
  const { name, ...how } = captured
  const target: Target = name === undefined ? peer : { host: name, family: 0, port: peer.port }
  return { ...base, target, captured: { ...how, dialled: peer } }
}

/** Equal for routes that leave the same way. */
function wayOf({ candidates, generation }: Route): string {
  const ways = candidates.map(({ hops }) =>
    hops.map((hop) => `${hop.kind}://${hop.credentials?.username ?? ''}@${formatAuthority(hop)}`).join(' > '),
  )
  return `${generation} ${ways.join(' | ')}`
}

function ignore(): void {}
