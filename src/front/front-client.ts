import { close, O_CLOEXEC, O_NONBLOCK } from '../system/linux/descriptors.ts'
import { EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP } from '../system/linux/epoll.ts'
import { ECONNABORTED, ECONNRESET, EINPROGRESS, EPIPE, errno } from '../system/linux/libc.ts'
import { SOCK_STREAM } from '../system/linux/socket-numbers.ts'
import {
  connect,
  keepAlive,
  keepUrgentInPlace,
  resetOnClose,
  sendAtOnce,
  socket,
  takeError,
} from '../system/linux/sockets.ts'
import { Destination } from './destination.ts'
import type { Watcher } from './event-loop.ts'
import type { FrontClientHost, Leaving } from './front-client-host.ts'
import type { FrontDoor } from './front-door.ts'
import type { DoorRules, End } from './messages.ts'
import type { Ready } from './ready-list.ts'
import type { Side, Tunnel, TunnelEnd } from './tunnel.ts'

/**
 * Milliseconds before a client is given to the doors because the last address is silent, where there is that much time: one that is far away, or
 * whose first SYN was lost, answers only then, be it with a refusal, and the dialers would ask it anew and wait for all of that once more. All else
 * has `patienceMs`.
 */
export const LAST_ADDRESS_MS = 3_500
/** But no more than this part of what the dialers have for a way out, for they begin with all of it. */
const LAST_ADDRESS_PART = 1 / 8
/** The same for an address that is not the last: the attempt delay of RFC 8305 §5. The dialers race the addresses. */
export const NEXT_ADDRESS_MS = 250

/** What epoll tells of a descriptor here. */
export const EVERYTHING = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET
export const BROKEN = EPOLLERR | EPOLLHUP

/** Of a connect that came about, and was broken off before anybody looked; 0: there is none. Whoever asks again may be served. */
const STOOD: ReadonlySet<number> = new Set([0, ECONNRESET, ECONNABORTED, EPIPE])

const destination = new Destination()

/** One client from its wish to the last byte: what all have in common, whichever way they say what they want. */
export abstract class FrontClient implements Watcher, Ready {
  readonly id: number
  readonly row: number
  readonly door: FrontDoor
  /** As they were when it came; a reload is for those after it. */
  protected readonly rules: DoorRules
  protected readonly host: FrontClientHost
  /** -1 while there is none. */
  protected fd = -1
  #upstream = -1
  /** `awaited`: the way out stands, and the client's connection is still to come. */
  protected state: 'opening' | 'asked' | 'dialling' | 'awaited' | 'tunnel' | 'over' = 'opening'
  /** Events of the client that nobody has acted upon yet, and of the way out. */
  protected pending = 0
  #upstreamPending = 0
  /** What it has asked for, by which a decision is found again; the front's own mark. */
  key = ''
  queued = false
  /** That it wants to reach, at whichever address. */
  protected port = 0
  #addresses: readonly string[] = []
  #tried = 0
  protected impatientAt: number
  /** Of one that stands, while it has something to do: most wait nearly always, and have none. */
  #tunnel: Tunnel | undefined
  #why: End | undefined
  #keptAlive = false

  constructor(id: number, row: number, door: FrontDoor, host: FrontClientHost) {
    this.id = id
    this.row = row
    this.door = door
    this.rules = door.rules
    this.host = host
    this.impatientAt = host.now() + this.rules.patienceMs
  }

  abstract start(): void

  /** To the doors, with all that it has said. */
  abstract give(): void

  /** Epoll has told something of its descriptor, before the tunnel stands. */
  protected abstract spoke(events: number): void

  /** The way out stands: say yes, and `begin`. */
  protected abstract wayStands(): void

  happened(fd: number, events: number): void {
    if (this.state === 'tunnel') {
      this.#tunnel ??= this.#awake(undefined)
      this.#tunnel.happened(fd === this.fd ? 'client' : 'upstream', events)
      if (this.#tunnel?.ended === false) this.host.queue(this)
    } else if (fd === this.#upstream) this.#connecting(events)
    else this.spoke(events)
  }

  /** One turn of the tunnel. True if there is more to do at once. */
  move(): boolean {
    return this.#tunnel?.ended === false && this.#tunnel.move()
  }

  /** The addresses to try in turn; none: it is the doors' to serve. */
  answer(addresses: readonly string[]): void {
    if (this.state !== 'asked') return
    this.#addresses = addresses
    this.state = 'dialling'
    this.#dial()
  }

  /** Looks whether something has taken too long. */
  check(now: number): void {
    if (this.state !== 'tunnel') {
      if (now >= this.impatientAt) this.impatient()
      return
    }
    const { times } = this.host
    const why = times.check(this.row, this.rules, this.host.progress(this.row), now)
    if (why) {
      this.#end(why)
      return
    }
    if (this.#tunnel?.resting) this.#tunnel = undefined
    if (this.#keptAlive || now - times.since(this.row) < KEEP_ALIVE_AFTER_MS) return
    this.#keptAlive = true
    keepAlive(this.fd)
    keepAlive(this.#upstream)
  }

  /** Ends it, whatever it is doing. */
  cut(): void {
    if (this.state === 'tunnel') this.#end('aborted')
    else if (this.state !== 'over') this.leave({ kind: this.state === 'opening' ? 'closed' : 'gone' })
  }

  /** Something is not as it should be: the doors find out, and the next who asks the same has a fresh look. */
  protected impatient(): void {
    if (this.state === 'dialling') this.host.doubts(this)
    this.give()
  }

  #dial(): void {
    for (;;) {
      const next = this.#addresses[this.#tried]
      if (next === undefined) {
        this.impatient()
        return
      }
      this.#tried += 1
      if (this.#connect(next)) break
    }
    const isLast = this.#tried === this.#addresses.length
    this.impatientAt = this.host.now() + (isLast ? this.#lastAddressMs : NEXT_ADDRESS_MS)
  }

  get #lastAddressMs(): number {
    const { dialMs, patienceMs } = this.rules
    return Math.max(patienceMs, Math.min(LAST_ADDRESS_MS, dialMs * LAST_ADDRESS_PART))
  }

  /** Begins to connect. False: that can be known already not to work. */
  #connect(host: string): boolean {
    destination.set(host, this.port)
    const fd = socket(destination.family, SOCK_STREAM | O_NONBLOCK | O_CLOEXEC, 0)
    if (fd < 0) return false
    sendAtOnce(fd)
    keepUrgentInPlace(fd)
    if (destination.isLoopback) this.host.pacing.lift(fd)
    const begun = connect(fd, destination.bytes, destination.length) === 0 || errno() === EINPROGRESS
    if (!begun || !this.host.loop.watch(fd, EVERYTHING, this)) {
      close(fd)
      return false
    }
    this.#upstream = fd
    this.host.holds(this.row, 'upstream', fd)
    return true
  }

  #connecting(events: number): void {
    this.#upstreamPending |= events
    if (this.state !== 'dialling') return
    if (events & BROKEN) {
      this.#upstreamPending = 0
      const error = takeError(this.#upstream)
      if (!STOOD.has(error)) this.host.failed(this, this.#addresses[this.#tried - 1]!, error)
      this.#closeUpstream()
      this.#dial()
    } else if (events & EPOLLOUT) {
      this.#addresses = []
      this.wayStands()
    }
  }

  /** The tunnel, from here on. `early`: what the client has said for the target already. */
  protected begin(early: Uint8Array | undefined): void {
    this.state = 'tunnel'
    this.host.times.begin(this.row, this.host.now())
    this.#tunnel = this.#awake(early)
    this.host.stands(this)
    const tunnel = this.#tunnel
    tunnel.happened('client', this.pending)
    if (!tunnel.ended) tunnel.happened('upstream', this.#upstreamPending)
    if (!tunnel.ended) this.host.queue(this)
  }

  #awake(early: Uint8Array | undefined): Tunnel {
    const { times } = this.host
    const upstream = { fd: this.#upstream, early: undefined }
    return this.host.startTunnel(this.row, { fd: this.fd, early }, upstream, this, times.since(this.row))
  }

  /** From the tunnel: a side broke after its FIN, the other has so long to finish. */
  lingers(side: Side, ms: number): void {
    this.host.times.linger(this.row, side, this.host.now() + ms)
  }

  /** From the tunnel: the client broke off, and what it said may go on as long as it moves within so many milliseconds. */
  abandoned(ms: number): void {
    this.host.times.hurry(this.row, ms, this.host.progress(this.row), this.host.now())
  }

  /** From the tunnel, once. */
  tunnelEnded(how: TunnelEnd, told: Side | undefined): void {
    if (how !== 'finished') {
      if (told !== 'client') resetOnClose(this.fd)
      if (told !== 'upstream') resetOnClose(this.#upstream)
    }
    this.leave({ kind: 'ended', how: how === 'released' ? (this.#why ?? 'aborted') : how })
  }

  #end(why: End): void {
    this.#why = why
    if (this.#tunnel) this.#tunnel.end('released')
    else this.tunnelEnded('released', undefined)
  }

  #closeUpstream(): void {
    if (this.#upstream < 0) return
    this.host.holds(this.row, 'upstream', 0)
    this.host.loop.closeDescriptor(this.#upstream)
    this.#upstream = -1
  }

  protected leave(how: Leaving): void {
    if (this.state === 'tunnel') this.host.times.ended(this.row)
    this.state = 'over'
    this.#closeUpstream()
    if (how.kind !== 'given') {
      this.host.holds(this.row, 'client', 0)
      if (this.fd >= 0) this.host.loop.closeDescriptor(this.fd)
    }
    this.host.left(this, how)
  }
}

/** Milliseconds of a tunnel's life before it needs keep-alive: under the silence after which the first probe is sent. */
const KEEP_ALIVE_AFTER_MS = 30_000
