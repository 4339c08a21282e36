import { close, O_CLOEXEC, O_NONBLOCK } from '../system/linux/descriptors.ts'
import { EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP } from '../system/linux/epoll.ts'
import { EAGAIN, EINPROGRESS, EINTR, errno } from '../system/linux/libc.ts'
import { type Endpoint, writeSocketAddress } from '../system/linux/socket-address.ts'
import { AF_INET, AF_INET6, MSG_DONTWAIT, MSG_NOSIGNAL, SOCK_STREAM } from '../system/linux/socket-numbers.ts'
import { connect, keepAlive, receive, resetOnClose, send, sendAtOnce, socket } from '../system/linux/sockets.ts'
import { isLoopback } from '../wire/address.ts'
import type { Watcher } from './event-loop.ts'
import type { FrontClientHost, Leaving } from './front-client-host.ts'
import type { FrontDoor } from './front-door.ts'
import type { DoorRules, End } from './messages.ts'
import { Opening, type Wish } from './opening.ts'
import type { Side, Tunnel, TunnelEnd } from './tunnel.ts'

/**
 * Milliseconds that anything may take before a client is given to the doors, which have limits and words for everything: its first bytes, the
 * decision, the connection. An unanswered SYN is sent again after one second; the dialers then begin anew a little before.
 */
export const PATIENCE_MS = 900
/** The same for an address that is not the last: the attempt delay of RFC 8305 §5. The dialers race the addresses. */
export const NEXT_ADDRESS_MS = 250

/** Bytes read at first: as much as the longest head that is served here. */
export const FIRST_BYTES = 16 * 1024

const EVERYTHING = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET
const BROKEN = EPOLLERR | EPOLLHUP
/** Of what epoll says while the request is read, what the tunnel must know. */
const TOLD_ONCE = EPOLLPRI | EPOLLRDHUP | BROKEN

const buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
const address = new Uint8Array(28)

/** One client from accept to the last byte. */
export class FrontClient implements Watcher {
  readonly id: number
  readonly row: number
  readonly door: FrontDoor
  /** As they were when it came; a reload is for those after it. */
  readonly #rules: DoorRules
  readonly #host: FrontClientHost
  readonly #fd: number
  #upstream = -1
  #state: 'opening' | 'asked' | 'dialling' | 'tunnel' | 'over' = 'opening'
  /** Events of the client that nobody has acted upon yet. */
  #pending = 0
  #opening: Opening | undefined
  #wish: Wish | undefined
  /** All that the client has said, kept until somebody is known to answer it. */
  #said: Buffer | undefined
  #answered = 0
  /** Known until it has asked. */
  #peer: Endpoint | undefined
  /** What it has asked for, by which a decision is found again; the front's own mark. */
  key = ''
  #addresses: readonly string[] = []
  #tried = 0
  #impatientAt: number
  /** Of one that stands, while it has something to do: most wait nearly always, and have none. */
  #tunnel: Tunnel | undefined
  #why: End | undefined
  #keptAlive = false

  constructor(id: number, row: number, fd: number, door: FrontDoor, peer: Endpoint, host: FrontClientHost) {
    this.id = id
    this.row = row
    this.door = door
    this.#rules = door.rules
    this.#peer = peer
    this.#fd = fd
    this.#host = host
    this.#impatientAt = host.now() + PATIENCE_MS
  }

  /** Reads what has come with the connection, and waits for more. */
  start(): void {
    this.#host.holds(this.row, 'client', this.#fd)
    if (!this.#host.loop.watch(this.#fd, EVERYTHING, this)) this.give()
    else this.#read()
  }

  happened(fd: number, events: number): void {
    if (this.#state === 'tunnel') {
      this.#tunnel ??= this.#awake(undefined)
      this.#tunnel.happened(fd === this.#fd ? 'client' : 'upstream', events)
      if (this.#tunnel?.ended === false) this.#host.queue(this)
    } else if (fd === this.#upstream) this.#connecting(events)
    else if (this.#state === 'opening') {
      this.#pending |= events & TOLD_ONCE
      this.#read()
    } else {
      this.#pending |= events
      // Its FIN alone is none: it may be waiting for the answer.
      if (events & BROKEN) this.#leave({ kind: 'gone' })
    }
  }

  /** One turn of the tunnel. True if there is more to do at once. */
  move(): boolean {
    return this.#tunnel?.ended === false && this.#tunnel.move()
  }

  /** The addresses to try in turn; none: it is the doors' to serve. */
  answer(addresses: readonly string[]): void {
    if (this.#state !== 'asked') return
    this.#addresses = addresses
    this.#state = 'dialling'
    this.#dial()
  }

  /** Looks whether something has taken too long. */
  check(now: number): void {
    if (this.#state !== 'tunnel') {
      if (now >= this.#impatientAt) this.#leaveToDoor()
      return
    }
    const { times } = this.#host
    const why = times.check(this.row, this.#rules, this.#host.progress(this.row), now)
    if (why) {
      this.#end(why)
      return
    }
    if (this.#tunnel?.resting) this.#tunnel = undefined
    if (this.#keptAlive || now - times.since(this.row) < KEEP_ALIVE_AFTER_MS) return
    this.#keptAlive = true
    keepAlive(this.#upstream)
  }

  /** Ends it, whatever it is doing. */
  cut(): void {
    if (this.#state === 'tunnel') this.#end('aborted')
    else if (this.#state !== 'over') this.#leave({ kind: this.#state === 'opening' ? 'closed' : 'gone' })
  }

  /** To the doors, with what it has said. */
  give(): void {
    if (this.#state === 'over') return
    this.#host.loop.forget(this.#fd)
    const bytes = this.#said && new Uint8Array(this.#said)
    const asked = this.#state !== 'opening'
    this.#leave({ kind: 'given', asked, descriptor: this.#fd, bytes, answered: this.#answered })
  }

  #read(): void {
    const bytes = receive(this.#fd, buffer, FIRST_BYTES, MSG_DONTWAIT)
    // There may be more, of which nothing is told again.
    if (bytes === FIRST_BYTES) this.#pending |= EPOLLIN
    if (bytes > 0) this.#heard(buffer.subarray(0, bytes))
    else if (bytes < 0 && (errno() === EAGAIN || errno() === EINTR)) return
    else if (bytes === 0 && this.#said) this.give()
    else this.#leave({ kind: 'closed' })
  }

  #heard(chunk: Buffer): void {
    // A copy: what was read lies in a buffer that all clients share.
    this.#said = this.#said ? Buffer.concat([this.#said, chunk]) : Buffer.from(chunk)
    this.#opening ??= new Opening()
    const step = this.#opening.push(this.#said.subarray(this.#said.length - chunk.length), this.#rules)
    if (step.kind === 'other') return void this.give()
    if (step.send) {
      send(this.#fd, step.send, step.send.length, MSG_DONTWAIT | MSG_NOSIGNAL)
      this.#answered += step.send.length
    }
    if (step.kind === 'more') return
    this.#opening = undefined
    this.#wish = step.wish
    this.#state = 'asked'
    this.#impatientAt = this.#host.now() + PATIENCE_MS
    const peer = this.#peer!
    this.#peer = undefined
    this.#host.asks(this, step.wish, peer)
  }

  /** Something is not as it should be: the doors find out, and the next who asks the same has a fresh look. */
  #leaveToDoor(): void {
    if (this.#state === 'dialling') this.#host.doubts(this)
    this.give()
  }

  #dial(): void {
    for (;;) {
      const next = this.#addresses[this.#tried]
      if (next === undefined) {
        this.#leaveToDoor()
        return
      }
      this.#tried += 1
      if (this.#connect(next)) break
    }
    const isLast = this.#tried === this.#addresses.length
    this.#impatientAt = this.#host.now() + (isLast ? PATIENCE_MS : NEXT_ADDRESS_MS)
  }

  /** Begins to connect. False: that can be known already not to work. */
  #connect(host: string): boolean {
    const family = host.includes(':') ? AF_INET6 : AF_INET
    const fd = socket(family, SOCK_STREAM | O_NONBLOCK | O_CLOEXEC, 0)
    if (fd < 0) return false
    sendAtOnce(fd)
    if (isLoopback(host)) this.#host.pacing.lift(fd)
    const bytes = writeSocketAddress(address, { address: host, port: this.#wish!.target.port })
    const begun = connect(fd, address, bytes) === 0 || errno() === EINPROGRESS
    if (!begun || !this.#host.loop.watch(fd, EVERYTHING, this)) {
      close(fd)
      return false
    }
    this.#upstream = fd
    this.#host.holds(this.row, 'upstream', fd)
    return true
  }

  #connecting(events: number): void {
    if (events & BROKEN) {
      this.#closeUpstream()
      this.#dial()
    } else if (events & EPOLLOUT) this.#stands(events)
  }

  #stands(events: number): void {
    const { yes, rest } = this.#wish!
    this.#state = 'tunnel'
    this.#host.times.begin(this.row, this.#host.now())
    this.#said = undefined
    this.#wish = undefined
    this.#addresses = []
    // Nothing else has been sent but a few bytes of SOCKS, so there is room. If the client has gone, epoll will say so.
    send(this.#fd, yes, yes.length, MSG_DONTWAIT | MSG_NOSIGNAL)
    this.#tunnel = this.#awake(rest.length > 0 ? new Uint8Array(rest) : undefined)
    this.#host.stands(this)
    const tunnel = this.#tunnel
    tunnel.happened('client', this.#pending)
    if (!tunnel.ended) tunnel.happened('upstream', events)
    if (!tunnel.ended) this.#host.queue(this)
  }

  #awake(early: Uint8Array | undefined): Tunnel {
    const { times } = this.#host
    const upstream = { fd: this.#upstream, early: undefined }
    return this.#host.startTunnel(this.row, { fd: this.#fd, early }, upstream, this, times.since(this.row))
  }

  /** From the tunnel: a side broke after its FIN, the other has so long to finish. */
  lingers(side: Side, ms: number): void {
    this.#host.times.linger(this.row, side, this.#host.now() + ms)
  }

  /** From the tunnel, once. */
  tunnelEnded(how: TunnelEnd): void {
    this.#leave({ kind: 'ended', how: how === 'released' ? (this.#why ?? 'aborted') : how })
  }

  #end(why: End): void {
    this.#why = why
    if (this.#tunnel) this.#tunnel.end('released')
    else this.tunnelEnded('released')
  }

  #closeUpstream(): void {
    if (this.#upstream < 0) return
    this.#host.holds(this.row, 'upstream', 0)
    this.#host.loop.closeDescriptor(this.#upstream)
    this.#upstream = -1
  }

  #leave(how: Leaving): void {
    if (this.#state === 'tunnel') this.#host.times.ended(this.row)
    this.#state = 'over'
    this.#said = undefined
    if (how.kind === 'ended' && how.how !== 'finished') {
      // A gateway that ends closes its clients' connections; what is broken off is the way out.
      if (how.how !== 'aborted') resetOnClose(this.#fd)
      resetOnClose(this.#upstream)
    }
    this.#closeUpstream()
    this.#host.holds(this.row, 'client', 0)
    if (how.kind !== 'given') this.#host.loop.closeDescriptor(this.#fd)
    this.#host.left(this, how)
  }
}

/** Milliseconds of a tunnel's life before it needs keep-alive: under the silence after which the first probe is sent. */
const KEEP_ALIVE_AFTER_MS = 30_000
