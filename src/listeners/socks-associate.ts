import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import type { Socket } from 'node:net'
import type { Clock } from '../contracts/clock.ts'
import type { DoorContext } from '../contracts/door.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { Packet, PacketSession } from '../contracts/packet.ts'
import type { Client } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import { ReceiveBuffer } from '../system/receive-buffer.ts'
import { isUnspecified, parseAddress } from '../wire/address.ts'
import type { SocksConversation, SocksRequest } from '../wire/socks-conversation.ts'
import { encodeSocks5Datagram, parseSocks5Datagram } from '../wire/socks5-udp.ts'
import { farewell } from './farewell.ts'

/** Milliseconds without a datagram in either direction after which an association ends; the client asks for another when it needs one. */
export const ASSOCIATION_IDLE_MS = 10 * 60_000
/** Bytes waiting in Node for the system to take; more are dropped, as a full network card drops them. */
const MAX_SEND_QUEUE = 1024 * 1024

/**
 * Serves UDP ASSOCIATE (RFC 1928 §7): a relay socket on the address the client has reached the door at, for datagrams from the client's own
 * address only. It lives as long as the control connection, and the control connection as long as it.
 */
export async function serveAssociate(
  control: Socket,
  request: SocksRequest,
  client: Client,
  conversation: SocksConversation,
  context: DoorContext,
  clock: Clock,
): Promise<void> {
  const refuse = (error: GatewayError): void => {
    context.refused?.(client, error)
    farewell(control, conversation.reply(error.code), clock)
  }
  const here = parseAddress((control.localAddress ?? '').split('%', 1)[0]!)
  if (!here || client.address === undefined || !context.handlePackets) {
    return refuse(new GatewayError('COMMAND_NOT_SUPPORTED', 'UDP ASSOCIATE is not offered at this door'))
  }
  const relay = createSocket({
    type: here.family === 4 ? 'udp4' : 'udp6',
    // Only addresses are ever sent to; Node would ask its resolver for each datagram.
    lookup: (address, _, done) => done(null, address, here.family),
  })
  const bound = await bindTo(relay, here.address).catch((cause: NodeJS.ErrnoException) => {
    relay.close()
    refuse(cause.code === 'EADDRNOTAVAIL' ? notHere(here.address) : noSocket(cause))
  })
  if (bound === undefined) return
  const association = new Association(control, relay, client, announcedPort(request, client), clock)
  const session = control.destroyed ? undefined : context.handlePackets(association.packetClient(context))
  if (!session) {
    relay.close()
    return refuse(new GatewayError('LIMIT_REACHED', 'too many UDP associations are open', { hint: 'Close some.' }))
  }
  association.begin(session)
  control.write(conversation.replyAssociated({ ...here, host: here.address, port: bound }))
}

/** The connection was captured on its way to an address that leads here and is nobody's, such as that of http.docker.internal: datagrams to it do not come here. */
function notHere(address: string): GatewayError {
  return new GatewayError(
    'COMMAND_NOT_SUPPORTED',
    `UDP ASSOCIATE is not offered at ${address}, which is no address of this machine`,
    {
      hint: 'Ask the door by its own address.',
    },
  )
}

function noSocket(cause: NodeJS.ErrnoException): GatewayError {
  return new GatewayError('LIMIT_REACHED', `no socket for the datagrams of the client: ${cause.code}`, { cause })
}

/**
 * The port the client says it will send from; undefined where it leaves that open (0), or names another address than it comes from: then it
 * does not know how it looks from here.
 */
function announcedPort({ host, port }: SocksRequest, client: Client): number | undefined {
  const announced = parseAddress(host)?.address
  if (port === 0 || announced === undefined) return undefined
  return isUnspecified(announced) || announced === client.address ? port : undefined
}

function bindTo(relay: UdpSocket, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    relay.once('error', reject)
    relay.bind({ address, port: 0, exclusive: true }, () => {
      relay.off('error', reject)
      resolve(relay.address().port)
    })
  })
}

class Association {
  readonly #control: Socket
  readonly #relay: UdpSocket
  readonly #buffer: ReceiveBuffer
  readonly #client: Client
  readonly #clock: Clock
  /** Known once announced or seen; from then on no other is listened to. */
  #clientPort: number | undefined
  #session: PacketSession | undefined
  #lastAt: number
  #cancelIdle: () => void = () => {}

  constructor(control: Socket, relay: UdpSocket, client: Client, port: number | undefined, clock: Clock) {
    this.#control = control
    this.#relay = relay
    this.#buffer = new ReceiveBuffer(relay)
    this.#client = client
    this.#clientPort = port
    this.#clock = clock
    this.#lastAt = clock.monotonic()
  }

  packetClient({ name, scope }: DoorContext) {
    return {
      door: name,
      protocol: 'socks5-udp',
      scope,
      client: this.#client,
      receive: (packet: Packet) => this.#toClient(packet),
      // RFC 1928 §7: a relay that cannot or will not carry a datagram drops it without a word.
      refused(_peer: Target) {},
      lost: () => this.#buffer.lost(),
    }
  }

  begin(session: PacketSession): void {
    this.#session = session
    this.#relay.on('message', (data, from) => this.#fromClient(data, from))
    this.#relay.on('error', () => this.#end())
    this.#control.once('close', () => this.#end())
    this.#control.once('end', () => this.#end())
    // Nothing more is to be said on it; what a client says all the same is read and thrown away.
    this.#control.on('data', () => {})
    this.#control.resume()
    this.#awaitIdle()
  }

  #fromClient(bytes: Buffer, from: RemoteInfo): void {
    if (parseAddress(from.address.split('%', 1)[0]!)?.address !== this.#client.address) return
    if (this.#clientPort !== undefined && from.port !== this.#clientPort) return
    // RFC 768: who sends from port 0 wants no answer, and none can be sent there.
    if (from.port === 0) return
    const read = parseSocks5Datagram(bytes)
    if (read.kind === 'dropped') return
    this.#clientPort = from.port
    this.#lastAt = this.#clock.monotonic()
    this.#session?.send(read)
  }

  #toClient({ peer, data }: Packet): void {
    if (this.#clientPort === undefined || !this.#session || this.#relay.getSendQueueSize() > MAX_SEND_QUEUE) return
    this.#lastAt = this.#clock.monotonic()
    // An error is this datagram's alone, such as one that is too large with its header.
    this.#relay.send(encodeSocks5Datagram(peer, data), this.#clientPort, this.#client.address, ignore)
  }

  #awaitIdle(): void {
    const left = this.#lastAt + ASSOCIATION_IDLE_MS - this.#clock.monotonic()
    this.#cancelIdle = this.#clock.after(Math.max(left, 1), () => {
      if (this.#clock.monotonic() - this.#lastAt >= ASSOCIATION_IDLE_MS) this.#end()
      else this.#awaitIdle()
    })
  }

  #end(): void {
    if (!this.#session) return
    this.#cancelIdle()
    const session = this.#session
    this.#session = undefined
    this.#buffer.close()
    session.close()
    this.#relay.close()
    this.#control.destroy()
  }
}

function ignore(): void {}
