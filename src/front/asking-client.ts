import { EPOLLIN, EPOLLPRI, EPOLLRDHUP } from '../system/linux/epoll.ts'
import { EAGAIN, EINTR, errno } from '../system/linux/libc.ts'
import type { Endpoint } from '../system/linux/socket-address.ts'
import { MSG_DONTWAIT, MSG_NOSIGNAL } from '../system/linux/socket-numbers.ts'
import { receive, send } from '../system/linux/sockets.ts'
import { BROKEN, EVERYTHING, FrontClient } from './front-client.ts'
import type { FrontClientHost, Leaving } from './front-client-host.ts'
import type { FrontDoor } from './front-door.ts'
import type { KnownOpenings, Place } from './known-openings.ts'
import type { Wish } from './opening.ts'

/** Bytes read at first: as much as the longest head that is served here. */
export const FIRST_BYTES = 16 * 1024

/** Of what epoll says while the request is read, what the tunnel must know. */
const TOLD_ONCE = EPOLLPRI | EPOLLRDHUP | BROKEN

const buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)

/** A client that asks in words: CONNECT or SOCKS. */
export class AskingClient extends FrontClient {
  #openings: KnownOpenings | undefined
  #place: Place | undefined
  #wish: Wish | undefined
  /** All that the client has said, as Latin-1, kept until somebody is known to answer it. */
  #said = ''
  #answered = 0
  /** Known until it has asked. */
  #peer: Endpoint | undefined

  constructor(id: number, row: number, fd: number, door: FrontDoor, peer: Endpoint, host: FrontClientHost) {
    super(id, row, door, host)
    this.fd = fd
    this.#openings = door.openings
    this.#peer = peer
  }

  /** Reads what has come with the connection, and waits for more. */
  override start(): void {
    this.host.holds(this.row, 'client', this.fd)
    if (!this.host.loop.watch(this.fd, EVERYTHING, this)) this.give()
    else this.#read()
  }

  override give(): void {
    if (this.state === 'over') return
    this.host.loop.forget(this.fd)
    const bytes = this.#said ? new Uint8Array(Buffer.from(this.#said, 'latin1')) : undefined
    const asked = this.state !== 'opening'
    this.leave({ kind: 'given', asked, descriptor: this.fd, bytes, answered: this.#answered })
  }

  protected override spoke(events: number): void {
    if (this.state === 'opening') {
      this.pending |= events & TOLD_ONCE
      while (this.#read() && this.state === 'opening' && this.pending & EPOLLPRI);
      return
    }
    this.pending |= events
    // Its FIN alone is none: it may be waiting for the answer.
    if (events & BROKEN) this.leave({ kind: 'gone' })
  }

  /** False: there was nothing, or nothing more comes. */
  #read(): boolean {
    const bytes = receive(this.fd, buffer, FIRST_BYTES, MSG_DONTWAIT)
    // There may be more, of which nothing is told again; before an urgent byte a read stops short (tcp(7)).
    if (bytes === FIRST_BYTES || this.pending & EPOLLPRI) this.pending |= EPOLLIN
    if (bytes > 0) this.#heard(buffer.toString('latin1', 0, bytes))
    else if (bytes < 0 && (errno() === EAGAIN || errno() === EINTR)) return false
    else if (bytes === 0 && this.#said) this.give()
    else this.leave({ kind: 'closed' })
    return bytes > 0
  }

  #heard(chunk: string): void {
    this.#place = this.#openings!.hear(this.#place, this.#said, chunk)
    this.#said += chunk
    const { step } = this.#place
    if (step.kind === 'other') return void this.give()
    if (step.send) {
      if (!this.#say(step.send)) return void this.leave({ kind: 'closed' })
      this.#answered += step.send.length
    }
    if (step.kind === 'more') return
    this.#openings = undefined
    this.#place = undefined
    this.#wish = step.wish
    this.port = step.wish.target.port
    this.state = 'asked'
    this.impatientAt = this.host.now() + this.rules.patienceMs
    const peer = this.#peer!
    this.#peer = undefined
    this.host.asks(this, step.wish, peer)
  }

  protected override wayStands(): void {
    const { yes, rest } = this.#wish!
    this.#wish = undefined
    this.#said = ''
    if (this.#say(yes)) this.begin(rest.length > 0 ? new Uint8Array(rest) : undefined)
    else this.leave({ kind: 'gone' })
  }

  /** Nothing else has been sent but a few bytes of SOCKS, so there is room. False: the client is gone. Nobody else would hear of it, for the kernel tells an error once. */
  #say(bytes: Uint8Array): boolean {
    if (send(this.fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return true
    return errno() === EAGAIN || errno() === EINTR
  }

  protected override leave(how: Leaving): void {
    this.#said = ''
    super.leave(how)
  }
}
