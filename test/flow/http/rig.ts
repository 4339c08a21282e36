import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { systemClock } from '../../../src/contracts/clock.ts'
import type { Conn } from '../../../src/contracts/conn.ts'
import type { CandidateWalk } from '../../../src/contracts/dialer.ts'
import type { DoorAuth, DoorContext } from '../../../src/contracts/door.ts'
import type { Flow } from '../../../src/contracts/flow.ts'
import { type GatewayError, toGatewayError } from '../../../src/contracts/gateway-error.ts'
import type { Relay } from '../../../src/contracts/relay.ts'
import type { ExchangeResult, RequestFlow } from '../../../src/contracts/request.ts'
import type { Candidate, Client, Route } from '../../../src/contracts/route.ts'
import type { Target } from '../../../src/contracts/target.ts'
import { parseBasicCredentials } from '../../../src/credentials/basic-credentials.ts'
import { createRequestDialer, type RequestDialerLimits } from '../../../src/dialers/request/create-request-dialer.ts'
import { markLocal } from '../../../src/listeners/client.ts'
import { createHttpDoor, type HttpDoor } from '../../../src/listeners/http/http-door.ts'
import type { HttpDoorLimits } from '../../../src/listeners/http/limits.ts'
import { createPortableRelay } from '../../../src/relay/portable.ts'
import { RawClient } from './raw-client.ts'
import { RecordingOrigin } from './recording-origin.ts'

export interface RigOptions {
  readonly auth?: DoorAuth
  readonly limits?: Partial<HttpDoorLimits>
  readonly dialerLimits?: Partial<RequestDialerLimits>
  /** One candidate, its last hop standing for a proxy that `dialProxy` reaches. */
  readonly candidate?: Candidate
  readonly pseudonym?: string
  /** Listens on a UNIX socket instead of a port. */
  readonly unixPath?: string
  /** What the dialers give instead of the socket they opened. */
  readonly wrap?: (socket: Socket) => Conn
  /** Takes the place of the relay that moves everything. */
  readonly relay?: Relay
  /** The origin speaks TLS. */
  readonly originTls?: SecureContext
}

/** A door, a request dialer and an origin joined by the smallest possible middle: no router, no real dialers. */
export interface Rig {
  readonly door: HttpDoor
  readonly origin: RecordingOrigin
  readonly port: number
  readonly results: ExchangeResult[]
  readonly refused: GatewayError[]
  readonly flows: Array<Flow | RequestFlow>
  /** The sockets that the door was given. */
  readonly taken: Socket[]
  /** Targets whose dial was asked for, and which way. */
  readonly dials: string[]
  /** What the middle answers with, instead of dialling. */
  failWith: GatewayError | undefined
  /** Takes the place of dialling and relaying for tunnels. */
  onFlow: ((flow: Flow, signal: AbortSignal) => Promise<void>) | undefined
  client(): RawClient
  /** A client that sends this, and everything it gets until the server closes. */
  talk(text: string): Promise<string>
  close(): void
}

export async function startRig(t: { teardown(undo: () => void): void }, options: RigOptions = {}): Promise<Rig> {
  const origin = await RecordingOrigin.start(options.originTls)
  t.teardown(() => origin.close())
  const candidate = options.candidate ?? { hops: [] }
  const route: Route = {
    decision: candidate.hops.length > 0 ? 'proxy' : 'direct',
    candidates: [candidate],
    because: { source: 'default', detail: 'test' },
    generation: 1,
  }
  const results: ExchangeResult[] = []
  const refused: GatewayError[] = []
  const flows: Array<Flow | RequestFlow> = []
  const dials: string[] = []
  const taken: Socket[] = []
  const clients: RawClient[] = []
  const dial = async (kind: string, target: Target): Promise<Conn> => {
    dials.push(`${kind} ${target.host}:${target.port}`)
    if (rig.failWith) throw rig.failWith
    const socket = connect({ port: origin.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    await once(socket, 'connect')
    return options.wrap ? options.wrap(socket) : socket.pause()
  }
  const requests = createRequestDialer({
    walk: firstCandidateOnly,
    clock: systemClock,
    dialTarget: (_candidate, query) => dial('target', query.target),
    dialLastHop: (candidate) => dial('hop', candidate.hops.at(-1)!),
    ...(options.dialerLimits ? { limits: options.dialerLimits } : {}),
  })
  const relay = options.relay ?? createPortableRelay({ clock: systemClock, idleMs: 60_000, lifetimeMs: 0 })
  let nextId = 0
  const context: DoorContext = {
    name: 'test door',
    scope: 'host',
    ...(options.auth ? { auth: options.auth } : {}),
    nextId: () => `f${++nextId}`,
    async handleFlow(flow, signal) {
      flows.push(flow)
      if (rig.onFlow) return rig.onFlow(flow, signal)
      try {
        const upstream = await dial('tunnel', flow.target)
        await relay(await flow.accept(), upstream, signal)
      } catch (thrown) {
        flow.reject(toGatewayError(thrown))
      }
    },
    async handleRequest(flow, signal) {
      flows.push(flow)
      try {
        const upstream = await requests.open(route, flow, flow.request, signal)
        results.push(await flow.carry(upstream.value, { bytesUp: 0, bytesDown: 0 }))
      } catch (thrown) {
        flow.reject(toGatewayError(thrown))
      }
    },
    refused(_client: Client, error) {
      refused.push(error)
    },
  }
  const door = createHttpDoor(context, {
    clock: systemClock,
    relay,
    parseBasicCredentials,
    pseudonym: options.pseudonym ?? 'fairlead-test',
    ...(options.limits ? { limits: options.limits } : {}),
  })
  // As the listener and the mixed port do it: the first bytes are looked at and put back.
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
    socket.on('error', () => {})
    if (options.unixPath) markLocal(socket)
    socket.once('data', (first: Buffer) => {
      socket.pause()
      socket.unshift(first)
      taken.push(socket)
      door.take(socket)
    })
    socket.resume()
  })
  if (options.unixPath) server.listen(options.unixPath)
  else server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = options.unixPath ? 0 : (server.address() as AddressInfo).port
  const rig: Rig = {
    ...{ door, origin, port, results, refused, flows, taken, dials },
    failWith: undefined,
    onFlow: undefined,
    client() {
      const client = new RawClient(options.unixPath ?? port)
      clients.push(client)
      return client
    },
    talk: (text) => rig.client().send(text).toEnd(),
    close() {
      for (const client of clients) client.close()
      requests.close()
      door.close()
      origin.close()
      server.close()
    },
  }
  t.teardown(() => rig.close())
  return rig
}

const firstCandidateOnly: CandidateWalk = {
  async walk(route, signal, attempt) {
    const candidate = route.candidates[0]!
    return { value: await attempt(candidate, signal), candidate, failed: [] }
  },
}
