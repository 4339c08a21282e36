import type { Socket } from 'node:net'
import type { Clock } from '../contracts/clock.ts'
import type { GatewayError } from '../contracts/gateway-error.ts'
import type { DropReason, HandlePackets } from '../contracts/packet.ts'
import type { DnsClient } from '../dns/answerer.ts'
import { serveTcp } from '../dns/tcp-conversation.ts'
import { type CaptureListener, openCaptureListeners } from '../passthrough/capture-listener.ts'
import type { LocalPorts, SpecialCapture } from '../passthrough/rules/capture-plan.ts'
import { UdpDoor, type UdpDoorOptions } from '../passthrough/udp/udp-door.ts'
import type { Settings } from '../settings/settings.ts'
import { parseAddress } from '../wire/address.ts'

export interface CapturedDnsParts {
  readonly clock: Clock
  readonly families: readonly (4 | 6)[]
  /** See `Answerer.answer`. */
  answer(query: Buffer, client: DnsClient): Promise<Buffer | undefined>
  readonly owners: UdpDoorOptions['owners']
  readonly replySockets: number
  /** As of `UdpDoorOptions`. */
  dropped(reason: DropReason, count: number, port?: number): void
  warn(message: string): void
}

const DNS_PORT = 53
/** Client sockets that are remembered at once; stub resolvers take a new port for each question, and the door forgets idle ones after 5 s. */
const MAX_CLIENT_SOCKETS = 16_384
/** TCP connections of one client, as at the doors: RFC 7766 §6.2.2 asks clients to make do with one. */
const TCP_PER_CLIENT = 32

/**
 * What captured containers ask of any DNS server at port 53, answered by ours in that server's name: transparent sockets of their own, so that neither
 * the policy nor `capture.udp` stands in the way. Open while capture and DNS are both on.
 */
export class CapturedDns {
  readonly #parts: CapturedDnsParts
  #udp: UdpDoor | undefined
  #tcp: CaptureListener[] = []
  readonly #handlePackets: HandlePackets
  readonly #connected: (socket: Socket) => void

  constructor(parts: CapturedDnsParts) {
    this.#parts = parts
    this.#handlePackets = answerDatagrams(parts.answer)
    this.#connected = answerConnections(parts.answer)
  }

  /** Opens what these settings need and is not there yet. Rejects with a `GatewayError` where this system cannot do it; nothing is left open then. */
  async open(settings: Settings): Promise<void> {
    if (!takesDns(settings) || this.#udp) return
    const { clock, families, owners, dropped, warn, replySockets } = this.#parts
    const handlePackets = this.#handlePackets
    try {
      this.#udp = await UdpDoor.open({ clock, families, owners, dropped, warn, handlePackets, replySockets })
      const trouble = ({ message }: GatewayError) => warn(`captured DNS: ${message}`)
      this.#tcp.push(...(await openCaptureListeners(families, this.#connected, trouble)))
    } catch (thrown) {
      await this.close()
      throw thrown
    }
    this.#limit(settings)
  }

  /** Closes what these settings do not need, and keeps their limits. */
  async settle(settings: Settings | undefined): Promise<void> {
    if (settings && takesDns(settings)) this.#limit(settings)
    else await this.close()
  }

  /** For the rules. */
  special(settings: Settings): readonly SpecialCapture[] {
    if (!takesDns(settings) || !this.#udp) return []
    return specialFor(this.#udp.ports, this.#tcpPorts)
  }

  /** The transparent sockets themselves. */
  get endpoints(): { address: string; port: number }[] {
    return [this.#udp?.ports ?? {}, this.#tcpPorts].flatMap((to) =>
      ([4, 6] as const).flatMap((family) =>
        to[family] === undefined ? [] : [{ address: family === 4 ? '127.0.0.1' : '::1', port: to[family] }],
      ),
    )
  }

  get #tcpPorts(): LocalPorts {
    return Object.fromEntries(this.#tcp.map(({ family, port }) => [family, port]))
  }

  #limit({ dns }: Settings): void {
    for (const listener of this.#tcp) listener.setMaxConnections(dns.tcpConnections)
  }

  async close(): Promise<void> {
    const udp = this.#udp
    this.#udp = undefined
    for (const listener of this.#tcp) {
      listener.close()
      listener.destroyConnections()
    }
    this.#tcp = []
    await udp?.close()
  }
}

/** A client socket's questions, answered from wherever it has sent them to. `limit`: client sockets at once. */
export function answerDatagrams(answer: CapturedDnsParts['answer'], limit = MAX_CLIENT_SOCKETS): HandlePackets {
  let sockets = 0
  return ({ client: { address }, receive }) => {
    if (address === undefined || sockets >= limit) return undefined
    sockets++
    let waiting = 0
    let closed = false
    return {
      get flows() {
        return waiting
      },
      send: async ({ peer, data }) => {
        waiting++
        try {
          const reply = await answer(data, { address, transport: 'udp' })
          if (reply && !closed) receive({ peer, data: reply })
        } finally {
          waiting--
        }
      },
      close: () => {
        if (!closed) sockets--
        closed = true
      },
    }
  }
}

/** Takes TCP connections, not too many of one client. They come paused. */
export function answerConnections(answer: CapturedDnsParts['answer']): (socket: Socket) => void {
  const perClient = new Map<string, number>()
  return (socket) => {
    const address = parseAddress(socket.remoteAddress ?? '')?.address
    const count = address === undefined ? TCP_PER_CLIENT : (perClient.get(address) ?? 0)
    if (address === undefined || count >= TCP_PER_CLIENT) return void socket.destroy()
    perClient.set(address, count + 1)
    socket.once('close', () => {
      const left = perClient.get(address)! - 1
      if (left === 0) perClient.delete(address)
      else perClient.set(address, left)
    })
    serveTcp(socket, (query) => answer(query, { address, transport: 'tcp' }))
    socket.resume()
  }
}

/** DNS is on when it listens somewhere. */
export function takesDns({ capture, dns }: Settings): boolean {
  return capture.enabled && dns.listen.length > 0
}

export function specialFor(udp: LocalPorts, tcp: LocalPorts): readonly SpecialCapture[] {
  return [
    { proto: 'udp', port: DNS_PORT, to: udp },
    { proto: 'tcp', port: DNS_PORT, to: tcp },
  ]
}
