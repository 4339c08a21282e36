import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../../contracts/clock.ts'
import { GatewayError } from '../../contracts/gateway-error.ts'
import type { RelayEnd } from '../../contracts/relay.ts'
import { resetSocket } from '../../system/reset-socket.ts'
import { readOn } from './read-on.ts'

/** Requests of one connection read ahead of their turn. Reading pauses beyond it: each holds a parsed head. */
const MAX_PIPELINED = 16
/** Milliseconds for a client to read the last reply before the connection is closed under it (RFC 9112 §9.6). */
const LINGER_MS = 1000

/** What all connections of a door share: requests that have been read and not yet answered. */
export interface Backlog {
  size: number
  readonly limit: number
}

/** What Node's HTTP server replaces on a socket that is its. */
const OVERRIDDEN = ['on', 'addListener', 'prependListener', 'setEncoding', 'destroySoon']

/**
 * One client's connection to the HTTP door. Requests are answered one after the other, as RFC 9112 §9.3.2 wants for those that are not
 * safe, so that a pipelining client can't make the gateway dial many ways at once.
 */
export class ClientConnection {
  readonly socket: Socket
  /** The response whose turn it is. */
  current: ServerResponse | undefined
  /** Set once the client authenticates connections towards origins (NTLM, Negotiate). */
  boundTo: string | undefined
  readonly #clock: Clock
  readonly #backlog: Backlog
  readonly #gone = new AbortController()
  #turn: Promise<void> = Promise.resolve()
  #outstanding = 0
  #ended: RelayEnd = 'aborted'
  #released = false
  #paused = false
  #heldOpen = false
  #closesAfter = false

  constructor(socket: Socket, clock: Clock, backlog: Backlog) {
    this.socket = socket
    this.#clock = clock
    this.#backlog = backlog
    socket.on('close', this.#onClose)
    socket.on('error', this.#onError)
    socket.on('resume', this.#onResume)
    socket.on('timeout', this.#onTimeout)
    this.#lingerOnClose()
  }

  /** Aborts when the client goes, or breaks the protocol, or the door is closed for good. */
  get signal(): AbortSignal {
    return this.#gone.signal
  }

  /** What a request that was under way when `signal` aborted has come to. */
  get ended(): RelayEnd {
    return this.#ended
  }

  /** Requests that have been read and not yet answered in full. */
  get outstanding(): number {
    return this.#outstanding
  }

  /** The socket is somebody else's: what happens to it is not ours to act upon. */
  get released(): boolean {
    return this.#released
  }

  /** Bytes of a final response are on their way: nothing else can be said any more. */
  get responseBegun(): boolean {
    return this.current?.headersSent ?? false
  }

  /** Runs `serve` when every earlier request has been answered. False, and nothing is run, where too many wait already. */
  takeTurn(serve: () => Promise<void>): boolean {
    if (this.#outstanding >= MAX_PIPELINED && this.#backlog.size >= this.#backlog.limit) return false
    this.#outstanding++
    this.#backlog.size++
    if (this.#outstanding > MAX_PIPELINED && !this.#paused) {
      this.#paused = true
      this.socket.pause()
    }
    this.#turn = this.#turn.then(() => (this.signal.aborted ? undefined : serve())).then(this.#endTurn, this.#endTurn)
    return true
  }

  /**
   * The socket is no longer the parser's: it stays paused, also when answers to earlier requests end or drain. What comes is read into its buffer,
   * so that a client's reset is seen.
   */
  stopReading(): void {
    this.#paused = false
    Object.assign(this.socket, { _paused: false }) // Node's own mark: that it is to resume the socket
    this.socket.pause()
    readOn(this.socket)
  }

  abort(reason: GatewayError, ended: RelayEnd = 'aborted'): void {
    if (this.signal.aborted) return
    this.#ended = ended
    this.#gone.abort(reason)
  }

  /** Ends the connection at once, in the way that tells the client that something is missing. */
  reset(): void {
    resetSocket(this.socket)
  }

  /** A request goes on behind its response: a connection that is to be closed is not, before the function that this answers is called. */
  holdOpen(): () => void {
    this.#heldOpen = true
    return () => {
      this.#heldOpen = false
      if (this.#closesAfter) this.socket.destroySoon()
    }
  }

  /** Takes everything that HTTP put on the socket off it, and leaves it as its acceptor had it. */
  release(): Socket {
    const { socket } = this
    this.#released = true
    this.#turnsOver(this.#outstanding) // nobody waits behind a tunnel, and it may stand for days
    socket.off('close', this.#onClose)
    socket.off('error', this.#onError)
    socket.off('resume', this.#onResume)
    this.detachHttp()
    return socket
  }

  /** Readies the socket for the parser, to which it goes back. */
  attachHttp(): void {
    this.detachHttp()
    this.socket.on('timeout', this.#onTimeout)
    this.#lingerOnClose()
  }

  /** Undoes what Node's HTTP server leaves on a socket after CONNECT and Upgrade: overridden methods and timeouts. */
  detachHttp(): void {
    const { socket } = this
    socket.setTimeout(0)
    socket.removeAllListeners('timeout')
    const own = socket as unknown as Record<string, unknown>
    const prototype = Object.getPrototypeOf(socket) as Record<string, unknown>
    // Set, not deleted: deleting makes the socket's fields a dictionary, which is larger and slower for the rest of its life.
    for (const name of OVERRIDDEN) {
      if (Object.hasOwn(own, name)) own[name] = prototype[name]
    }
  }

  readonly #onClose = () => {
    this.abort(new GatewayError('CLIENT_GONE', 'the client closed its connection'), 'client-reset')
  }

  /** Node destroys the socket as well, without a word of why, and not once CONNECT or Upgrade has made it let go. */
  readonly #onTimeout = () => {
    const { timeout = 0 } = this.socket
    this.abort(new GatewayError('LIMIT_REACHED', `nothing has moved for ${timeout / 1000} s`), 'idle')
    this.socket.destroy()
  }

  /** Node's parser resumes the socket after each request it has read, whoever paused it. */
  readonly #onResume = () => {
    if (this.#paused) this.socket.pause()
  }

  /** A reset needs no handling of its own: `close` follows. */
  readonly #onError = () => {}

  readonly #endTurn = () => {
    if (this.#released) return
    this.#turnsOver(1)
    if (this.#paused && this.#outstanding <= MAX_PIPELINED / 2) {
      this.#paused = false
      this.socket.resume()
    }
  }

  #turnsOver(count: number): void {
    this.#outstanding -= count
    this.#backlog.size -= count
  }

  /**
   * Node closes both ways as soon as the last response is written. When the client is still sending its body the kernel then answers with
   * a reset, which throws away the response it has not read yet. So: FIN, read on for a moment, close.
   */
  #lingerOnClose(): void {
    const { socket } = this
    socket.destroySoon = () => {
      if (socket.destroyed) return
      this.#closesAfter = this.#heldOpen
      if (this.#heldOpen) return
      const cancel = this.#clock.after(LINGER_MS, () => socket.destroy())
      socket.once('close', cancel)
      socket.end()
      if (socket.readableEnded) socket.once('finish', () => socket.destroy())
      else socket.once('end', () => socket.destroy())
      socket.resume()
    }
  }
}
