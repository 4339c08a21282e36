import { createSocket, type Socket } from 'node:dgram'
import { ReceiveBuffer } from '../system/receive-buffer.ts'
import { parseAddress } from '../wire/address.ts'

export interface Place {
  readonly address: string
  readonly port: number
}

export interface UdpSocketEvents {
  /** From anywhere, while more than one far side is spoken to: the receiver judges. */
  onMessage(data: Buffer, from: Place): void
  /** The one far side, or the way to it, has answered "unreachable" or the like. */
  onError(to: Place, error: NodeJS.ErrnoException): void
  /** The socket is of no more use. */
  onBroken(error: NodeJS.ErrnoException): void
}

/** Datagrams that wait for the socket to be bound, which takes a turn or two of the event loop. */
const MAX_WAITING = 32
/** Bytes waiting in Node for the system to take; more are dropped, as a full network card drops them. */
const MAX_SEND_QUEUE = 1024 * 1024
/** IANA's dynamic ports (RFC 6335 §6), which systems choose from for themselves too. */
const DYNAMIC_PORTS = { first: 49_152, count: 16_384 }
/** Random ports tried before the system is asked for any: then a second far side would move the first one to another port. */
const BIND_TRIES = 8
/** What a send ends with where the way, or the address to send from, is the one of when the socket was connected, or it is connected no more. */
const NO_WAY = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EINVAL', 'EDESTADDRREQ'])

/**
 * One socket of the host for datagrams of one family to any number of far sides, all from one port, as programs that find each other through a
 * third (STUN) need it. While there is one far side it is connected to it: the system then tells when the port there is closed, which it does not
 * tell an unconnected socket. A port asked for by number is kept when a socket is disconnected; one the system chose is not.
 */
export class UdpSocket {
  readonly #socket: Socket
  readonly #events: UdpSocketEvents
  #buffer: ReceiveBuffer | undefined
  #waiting: { data: Buffer; to: Place }[] | undefined = []
  #connected: Place | undefined
  /** It could not be connected to, and the `error` that says why is on its way. */
  #unreached: Place | undefined
  #spread = false
  #closed = false
  #triesLeft = BIND_TRIES
  readonly #chance: () => number

  constructor(family: 4 | 6, events: UdpSocketEvents, chance: () => number) {
    this.#events = events
    this.#chance = chance
    this.#socket = createSocket({
      type: family === 4 ? 'udp4' : 'udp6',
      ...(family === 6 && { ipv6Only: true }),
      // Only addresses are ever sent to; Node would ask its resolver for each datagram.
      lookup: (address, _, done) => done(null, address, family),
    })
    this.#socket.on('message', (data, from) => {
      const address = parseAddress(from.address.split('%', 1)[0]!)?.address
      if (address !== undefined) events.onMessage(data, { address, port: from.port })
    })
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#failed(error))
    this.#socket.once('listening', () => {
      this.#buffer = new ReceiveBuffer(this.#socket)
      const waiting = this.#waiting ?? []
      this.#waiting = undefined
      for (const { data, to } of waiting) this.send(data, to)
    })
    this.#bind()
  }

  send(data: Buffer, to: Place): void {
    if (this.#closed) return
    if (this.#waiting) {
      if (this.#waiting.length < MAX_WAITING) this.#waiting.push({ data, to })
      return
    }
    if (this.#socket.getSendQueueSize() > MAX_SEND_QUEUE) return
    this.#pass(data, to, true)
  }

  /** A connected socket keeps the source address of the way that there was then: the next datagram finds both anew. */
  networkChanged(): void {
    if (!this.#connected || !this.#isConnected) return
    this.#socket.disconnect()
    this.#connected = undefined
  }

  /** Datagrams that were not read in time, since it was last asked. */
  lost(): number {
    return this.#buffer?.lost() ?? 0
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#buffer?.close()
    this.#socket.close()
  }

  /** `onceMore`: where there is no way for a connected socket, one that is connected anew may have one. */
  #pass(data: Buffer, to: Place, onceMore: boolean): void {
    let isConnected = false
    const sent = (error: NodeJS.ErrnoException | null) => {
      if (!error || this.#closed) return
      if (onceMore && isConnected && NO_WAY.has(error.code ?? '')) {
        this.networkChanged()
        this.#pass(data, to, false)
      } else this.#events.onError(to, error)
    }
    try {
      isConnected = this.#isFor(to)
      if (!isConnected) this.#socket.send(data, to.port, to.address, sent)
      // Otherwise an `error` is on its way that tells why.
      else if (this.#isConnected) this.#socket.send(data, sent)
    } catch (thrown) {
      this.#events.onError(to, thrown as NodeJS.ErrnoException)
    }
  }

  /** Whether the socket is connected to this place, after what can be done for it. */
  #isFor(to: Place): boolean {
    const connected = this.#connected
    if (connected?.address === to.address && connected.port === to.port) return true
    if (connected) {
      if (this.#isConnected) this.#socket.disconnect()
      else this.#unreached = connected
      this.#connected = undefined
      this.#spread = true
      return false
    }
    // The system's own choice of a port would be lost with the connection.
    if (this.#spread || this.#triesLeft === 0) return false
    this.#socket.connect(to.port, to.address)
    this.#connected = to
    return true
  }

  /** Not, where there is no way to the far side: Node tells a turn later. */
  get #isConnected(): boolean {
    try {
      this.#socket.remoteAddress()
      return true
    } catch {
      return false
    }
  }

  #bind(): void {
    const port = this.#triesLeft === 0 ? 0 : DYNAMIC_PORTS.first + Math.floor(this.#chance() * DYNAMIC_PORTS.count)
    this.#socket.bind({ port, exclusive: true })
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (this.#closed) return
    if (this.#waiting && this.#triesLeft > 0) {
      this.#triesLeft -= 1
      this.#bind()
    } else if (this.#waiting) {
      this.close()
      // Node tells at once that there is no such family: before whoever opens this has it.
      queueMicrotask(() => this.#events.onBroken(error))
    } else {
      // Connected, the error is the far side's. Otherwise it is left over from the time when it was.
      const to = this.#unreached ?? this.#connected
      // There may be a way when it is sent to again.
      if (!this.#unreached && !this.#isConnected) this.#connected = undefined
      this.#unreached = undefined
      if (to) this.#events.onError(to, error)
    }
  }
}
