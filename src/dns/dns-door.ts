import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { Client } from '../contracts/route.ts'
import { isLoopback, parseAddress } from '../wire/address.ts'
import type { ListenAddress } from '../wire/listen-address.ts'
import { Questions } from './questions.ts'
import { serveTcp } from './tcp-conversation.ts'
import { bindUdp, UdpDoor, type UdpDoorOptions } from './udp-door.ts'

export type TcpAddress = Extract<ListenAddress, { kind: 'tcp' }>

export interface DnsDoorOptions extends Omit<UdpDoorOptions, 'admitted'> {
  readonly address: TcpAddress
  admits(client: Client): boolean
  /** Asked anew for each connection. */
  maxTcpConnections(): number
  /** Connections cannot be taken for now: the process has run out of descriptors, for one. The door goes on by itself. */
  troubled(cause: Error): void
}

export interface DnsDoor {
  /** As bound. */
  readonly address: TcpAddress
  readonly tcpConnections: number
  /** Takes no more questions, and closes when those that were asked have been answered; `closed` is called then. */
  drain(closed: () => void): void
  /** Takes questions again, if it has not closed yet. */
  resume(): void
  /** At once. */
  close(): void
}

/** TCP connections of one client: RFC 7766 §6.2.2 asks clients to make do with one. */
const TCP_PER_CLIENT = 32
/** Tries to find a port that is free for UDP and TCP alike, where any will do. */
const PORT_TRIES = 8

/** Listens for questions on one address, over UDP and TCP. Rejects with `GatewayError`, with nothing left open. */
export async function openDnsDoor(options: DnsDoorOptions): Promise<DnsDoor> {
  const questions = new Questions(options.answer)
  const counted = { ...options, answer: questions.answer }
  const admitted = (from: string, port: number) => {
    const client = clientAt(from, port)
    return client && options.admits(client) ? client.address : undefined
  }
  for (let tries = 1; ; tries++) {
    const { host } = options.address
    const tcp = createTcp(counted, new Map())
    let udp: Socket | undefined
    try {
      udp = await bindUdp(host, options.address.port)
      const { port } = udp.address()
      tcp.server.listen({ host, port, ipv6Only: true })
      await once(tcp.server, 'listening')
      tcp.server.on('error', options.troubled)
      const asked = new UdpDoor(udp, { ...counted, admitted })
      await asked.follow()
      const close = () => {
        if (!questions.close()) return
        asked.close()
        tcp.server.close()
        for (const end of tcp.sockets) end()
      }
      return {
        address: { ...options.address, port },
        get tcpConnections() {
          return tcp.sockets.size
        },
        drain(closed) {
          // Those that wait for their turn first: they are asked of `questions` as all others.
          asked.drain(() =>
            questions.drain(() => {
              close()
              closed()
            }),
          )
        },
        resume() {
          asked.resume()
          questions.resume()
        },
        close,
      }
    } catch (thrown) {
      udp?.close()
      tcp.server.close()
      if (options.address.port === 0 && tries < PORT_TRIES) continue
      throw cannotListen(options.address, thrown as NodeJS.ErrnoException)
    }
  }
}

function createTcp(
  options: DnsDoorOptions,
  perClient: Map<string, number>,
): { server: Server; sockets: Set<() => void> } {
  const sockets = new Set<() => void>()
  // Half-open: a client may send its questions, end, and wait (RFC 7766 §6.2.3).
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const client = clientAt(socket.remoteAddress ?? '', socket.remotePort ?? 0)
    const count = perClient.get(client?.address ?? '') ?? 0
    const isFull = sockets.size >= options.maxTcpConnections() || count >= TCP_PER_CLIENT
    if (!client || isFull || !options.admits(client)) {
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    const { address } = client
    const end = () => socket.destroySoon()
    sockets.add(end)
    perClient.set(address, count + 1)
    socket.on('close', () => {
      sockets.delete(end)
      const left = perClient.get(address)! - 1
      if (left === 0) perClient.delete(address)
      else perClient.set(address, left)
    })
    serveTcp(socket, (query) => options.answer(query, { address, transport: 'tcp' }))
  })
  return { server, sockets }
}

function clientAt(text: string, port: number): (Client & { readonly address: string }) | undefined {
  const address = parseAddress(text.split('%', 1)[0]!)?.address
  return address === undefined || port === 0 ? undefined : { address, port, local: isLoopback(address) }
}

function cannotListen({ host, port }: TcpAddress, cause: NodeJS.ErrnoException): GatewayError {
  const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const said: Readonly<Record<string, [what: string, hint: string]>> = {
    EADDRINUSE: [
      'another program is listening there',
      'Stop it, or choose another address under `dns.listen`. A gateway that still drains has it until it has ended.',
    ],
    EACCES: ['not permitted', 'Ports below 1024 need a privilege (CAP_NET_BIND_SERVICE).'],
    EADDRNOTAVAIL: ['this machine has no such address', 'Listen on an address of this machine.'],
  }
  const [what, hint] = said[cause.code ?? ''] ?? [cause.message, 'See the system’s message.']
  return new GatewayError('INTERNAL', `cannot answer DNS on ${where}: ${what}`, { cause, hint })
}
