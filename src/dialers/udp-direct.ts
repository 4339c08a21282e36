import type { GatewayError } from '../contracts/gateway-error.ts'
import type { NetworkWatch } from '../contracts/network-watch.ts'
import type { Packet, PacketConn } from '../contracts/packet.ts'
import type { Target } from '../contracts/target.ts'
import { formatAuthority } from '../wire/target.ts'
import { connectError } from './connect-error.ts'
import { type Place, UdpSocket } from './udp-socket.ts'

/**
 * Datagrams by the host's own sockets, one for each family. Takes addresses only, judged by whoever sends (`resolvingPackets`); what comes from
 * anywhere that was not sent to is dropped. `chance`, 0 ≤ x < 1, makes source ports that cannot be guessed.
 */
export class UdpDirect implements PacketConn {
  readonly closed: Promise<void>
  readonly #chance: () => number
  readonly #unwatch: (() => void) | undefined
  readonly #open: typeof openUdpSocket
  readonly #sockets = new Map<4 | 6, ReturnType<typeof openUdpSocket>>()
  /** What is spoken to. Bounded by whoever holds the conn, who forgets far sides. */
  readonly #farSides = new Map<string, Target>()
  #isClosed = false
  #receive: (packet: Packet) => void = () => {}
  #refused: (peer: Target, error: GatewayError) => void = () => {}
  #settle: () => void = () => {}

  /** `open`: for tests, which have every family. */
  constructor(
    chance: () => number,
    network?: Pick<NetworkWatch, 'onChange'>,
    open: typeof openUdpSocket = openUdpSocket,
  ) {
    this.#chance = chance
    this.#unwatch = network?.onChange(() => {
      for (const socket of this.#sockets.values()) socket.networkChanged()
    })
    this.#open = open
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  onPacket(receive: (packet: Packet) => void): void {
    this.#receive = receive
  }

  onRefused(refused: (peer: Target, error: GatewayError) => void): void {
    this.#refused = refused
  }

  send({ peer, data }: Packet): void {
    if (this.#isClosed || peer.family === 0) return
    this.#farSides.set(formatAuthority(peer), peer)
    this.#socket(peer.family).send(data, { address: peer.host, port: peer.port })
  }

  forget(peer: Target): void {
    this.#farSides.delete(formatAuthority(peer))
  }

  lost(): number {
    let lost = 0
    for (const socket of this.#sockets.values()) lost += socket.lost()
    return lost
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#unwatch?.()
    for (const socket of this.#sockets.values()) socket.close()
    this.#farSides.clear()
    this.#settle()
  }

  #socket(family: 4 | 6): ReturnType<typeof openUdpSocket> {
    const known = this.#sockets.get(family)
    if (known) return known
    const socket = this.#open(
      family,
      {
        onMessage: (data, from) => this.#came(data, from),
        onError: (to, error) => this.#failed(to, error),
        onBroken: (error) => this.#broken(family, error),
      },
      this.#chance,
    )
    this.#sockets.set(family, socket)
    return socket
  }

  #came(data: Buffer, { address, port }: Place): void {
    const peer = this.#farSides.get(formatAuthority({ host: address, port }))
    if (peer) this.#receive({ data, peer })
  }

  /** The other family's far sides have lost nothing. */
  #broken(family: 4 | 6, error: NodeJS.ErrnoException): void {
    this.#sockets.delete(family)
    for (const { host, port, family: its } of [...this.#farSides.values()]) {
      if (its === family) this.#failed({ address: host, port }, error)
    }
  }

  #failed({ address, port }: Place, error: NodeJS.ErrnoException): void {
    // This datagram's alone.
    if (error.code === 'EMSGSIZE') return
    const peer = this.#farSides.get(formatAuthority({ host: address, port }))
    if (!peer) return
    this.forget(peer)
    this.#refused(peer, connectError(peer, [{ address, error }]))
  }
}

/** As much of a socket as is used here. */
function openUdpSocket(
  ...parts: ConstructorParameters<typeof UdpSocket>
): Pick<UdpSocket, 'send' | 'lost' | 'networkChanged' | 'close'> {
  return new UdpSocket(...parts)
}
