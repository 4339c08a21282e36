import type { AnsweredNames } from '../../contracts/answered-names.ts'
import type { Clock } from '../../contracts/clock.ts'
import type {
  CapturedName,
  DropReason,
  HandlePackets,
  Packet,
  PacketClient,
  PacketSession,
} from '../../contracts/packet.ts'
import type { Target } from '../../contracts/target.ts'
import { IP_RECVORIGDSTADDR, IPV6_RECVORIGDSTADDR, SOL_IP, SOL_IPV6 } from '../../system/linux/socket-numbers.ts'
import { switchOn } from '../../system/linux/sockets.ts'
import { ReceiveBuffer } from '../../system/receive-buffer.ts'
import { isLoopback, isUnspecified } from '../../wire/address.ts'
import type { OwnedAddresses } from '../../wire/address-owners.ts'
import { openTransparentUdp, type TransparentSocket } from '../transparent-socket.ts'
import { DatagramThread, type Ends } from './datagram-thread.ts'
import { MAX_REPLY_SOCKETS } from './reply-sockets.ts'

export interface UdpDoorOptions {
  readonly clock: Clock
  readonly families: readonly (4 | 6)[]
  /** Absent where no DNS of ours answers the containers. */
  readonly names?: Pick<AnsweredNames, 'namesOf'>
  readonly handlePackets: HandlePackets
  /** Sockets kept open for answers, where the limit on open files has no room for as many as there may be. */
  readonly replySockets?: number
  /** In whose name addresses are, and what is called when that changes until the returned function is. */
  readonly owners: AddressDirectory
  /** Datagrams that came, or went back, faster than they were carried, or that could not be sent; told now and then. `port`: the one that is taken. */
  dropped(reason: DropReason, count: number, port?: number): void
  warn(message: string): void
}

export interface AddressDirectory {
  readonly owned: OwnedAddresses
  onChange(changed: () => void): () => void
}

/** Bytes that the kernel keeps while the thread is busy: a burst of all containers comes in by one socket. */
const RECEIVE_BUFFER = 4 * 1024 * 1024
/** Milliseconds between looks for client sockets that no flow is left of. */
const SWEEP_MS = 5_000
/** The same while there is no place for more. */
const CROWDED_SWEEP_MS = 1_000

/** The door for datagrams of programs that know nothing of proxies. */
export class UdpDoor {
  readonly #options: UdpDoorOptions
  readonly #sockets: readonly TransparentSocket[]
  readonly #thread: DatagramThread
  /** By the client's address and port. Bounded by `handlePackets`. */
  readonly #sessions = new Map<string, PacketSession>()
  readonly #cancelSweep: () => void
  #sweptAt = Number.NEGATIVE_INFINITY
  readonly #buffers: readonly ReceiveBuffer[]
  readonly #unfollow: () => void
  #closed = false

  /** Opens the sockets and the thread. Rejects with a `GatewayError` that says what is missing. */
  static async open(options: UdpDoorOptions): Promise<UdpDoor> {
    const sockets: TransparentSocket[] = []
    try {
      for (const family of options.families)
        sockets.push(openTransparentUdp(family, (fd) => askForDestination(fd, family)))
      let door: UdpDoor | undefined
      const { thread, tellsUnreachable } = await DatagramThread.start({
        sockets: sockets.map(({ fd }) => fd),
        replySockets: options.replySockets ?? MAX_REPLY_SOCKETS,
        onDatagram: (ends, data) => door?.take(ends, data),
        onGone: (reason) => door?.lost(reason),
      })
      door = new UdpDoor(options, sockets, thread, tellsUnreachable)
      return door
    } catch (thrown) {
      for (const socket of sockets) socket.close()
      throw thrown
    }
  }

  private constructor(
    options: UdpDoorOptions,
    sockets: readonly TransparentSocket[],
    thread: DatagramThread,
    /** Whether clients hear of refusals: it needs CAP_NET_RAW. */
    readonly tellsUnreachable: boolean,
  ) {
    this.#options = options
    this.#sockets = sockets
    this.#thread = thread
    this.#buffers = sockets.map(({ fd }) => new ReceiveBuffer(fd, RECEIVE_BUFFER))
    const { owners } = options
    thread.own(owners.owned)
    this.#unfollow = owners.onChange(() => thread.own(owners.owned))
    let cancel = () => {}
    const sweepLater = () => {
      cancel = options.clock.after(SWEEP_MS, () => {
        this.#sweep()
        this.#countLost()
        sweepLater()
      })
    }
    sweepLater()
    this.#cancelSweep = () => cancel()
  }

  /** Where rules are to lead datagrams: loopback ports, by family. */
  get ports(): Readonly<Partial<Record<4 | 6, number>>> {
    return Object.fromEntries(this.#sockets.map(({ port }, place) => [this.#options.families[place]!, port]))
  }

  /** Client sockets that are spoken for. */
  get size(): number {
    return this.#sessions.size
  }

  take(ends: Ends, data: Buffer): void {
    // Somebody on this machine has found the transparent socket itself.
    if (this.#closed || isLoopback(ends.far) || isUnspecified(ends.far) || ends.clientPort === 0) return
    const session = this.#sessions.get(keyOf(ends)) ?? this.#begin(ends)
    session?.send({ peer: farOf(ends), data }, nameAmong(this.#options.names?.namesOf(ends.client, ends.far) ?? []))
  }

  lost(reason: string): void {
    this.#options.warn(`capture: datagrams are no longer taken in: ${reason}`)
    void this.close()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#cancelSweep()
    this.#unfollow()
    for (const session of this.#sessions.values()) session.close()
    this.#sessions.clear()
    await this.#thread.close()
    this.#countLost()
    for (const socket of this.#sockets) socket.close()
  }

  #begin(ends: Ends): PacketSession | undefined {
    const { handlePackets, clock } = this.#options
    let session = handlePackets(this.#clientAt(ends))
    if (!session && clock.monotonic() - this.#sweptAt >= CROWDED_SWEEP_MS) {
      this.#sweep()
      session = handlePackets(this.#clientAt(ends))
    }
    if (session) this.#sessions.set(keyOf(ends), session)
    return session
  }

  #clientAt({ client, clientPort }: Ends): PacketClient {
    const endsTo = (far: Target): Ends => ({ client, clientPort, far: far.host, farPort: far.port })
    return {
      door: 'capture',
      protocol: 'udp',
      scope: 'containers',
      client: { address: client, port: clientPort, local: false },
      // From the address that the client has sent to, whatever the way back was.
      receive: ({ asked, peer, data }: Packet) => this.#thread.reply(endsTo(asked ?? peer), data),
      refused: (peer) => this.#thread.unreachable(endsTo(peer)),
    }
  }

  #countLost(): void {
    const lost = this.#thread.lost()
    const overrun = this.#buffers.reduce((sum, buffer) => sum + buffer.lost(), lost.overrun)
    if (overrun > 0) this.#options.dropped('overrun', overrun)
    if (lost.unsent > 0) this.#options.dropped('unsent', lost.unsent)
    if (lost['port-taken'] > 0) this.#options.dropped('port-taken', lost['port-taken'], lost.port)
  }

  #sweep(): void {
    this.#sweptAt = this.#options.clock.monotonic()
    for (const [key, session] of this.#sessions) {
      if (session.flows > 0) continue
      session.close()
      this.#sessions.delete(key)
    }
  }
}

function nameAmong(told: readonly string[]): CapturedName {
  const [name] = told
  if (name === undefined) return {}
  return { name, nameSource: 'dns', ...(told.length > 1 ? { oneOf: told } : {}) }
}

function keyOf({ client, clientPort }: Ends): string {
  return `${client} ${clientPort}`
}

function farOf({ far, farPort }: Ends): Target {
  return { host: far, family: far.includes(':') ? 6 : 4, port: farPort }
}

function askForDestination(fd: number, family: 4 | 6): void {
  if (family === 4) switchOn(fd, SOL_IP, IP_RECVORIGDSTADDR)
  else switchOn(fd, SOL_IPV6, IPV6_RECVORIGDSTADDR)
}
