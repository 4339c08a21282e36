import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { close, eventDescriptor, O_CLOEXEC, O_NONBLOCK, read } from '../system/linux/descriptors.ts'
import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
  EVENT_DATA,
  EVENT_INTS,
  epollControl,
  epollCreate,
  epollWait,
  eventTable,
} from '../system/linux/epoll.ts'
import { EINTR, errno } from '../system/linux/libc.ts'
import { PipePool, pipeShare } from './pipe-pool.ts'
import { Tunnel, type TunnelReports } from './tunnel.ts'
import type { FromWorker, Side, ToWorker, WorkerData, WorkerEnd } from './worker-protocol.ts'

/** Events taken from the kernel at once. */
const MAX_EVENTS = 256

/** Milliseconds to sleep at most: a process that ends without telling us must not wait longer than this for the thread. There may be eight that do nothing. */
const LONGEST_SLEEP_MS = 5_000

/**
 * A thread that sleeps in epoll and moves the bytes of all tunnels given to it. It never returns to Node's event loop while it runs:
 * messages are fetched by hand when the main thread has rung the event descriptor.
 */
class RelayWorker implements TunnelReports {
  readonly #rows = new Float64Array((workerData as WorkerData).rows)
  readonly #epoll = epollCreate(O_CLOEXEC)
  readonly #wake = eventDescriptor(0, O_NONBLOCK | O_CLOEXEC)
  readonly #pool = new PipePool(pipeShare((workerData as WorkerData).pipeSharers))
  readonly #byDescriptor = new Map<number, Tunnel>()
  readonly #byRow = new Map<number, Tunnel>()
  readonly #table = eventTable(MAX_EVENTS)
  readonly #events = this.#table.numbers
  readonly #event = new Int32Array(EVENT_INTS)
  readonly #bell = new Uint8Array(8)
  #ready: Tunnel[] = []
  #closing = false
  #outbox: FromWorker[] = []

  run(): void {
    try {
      if (this.#epoll < 0 || this.#wake < 0 || !this.#watch(this.#wake, EPOLLIN)) {
        this.#outbox.push({ kind: 'unusable', reason: `epoll or eventfd: error ${errno()}` })
        return
      }
      this.#outbox.push({ kind: 'ready', wakeDescriptor: this.#wake })
      this.#post()
      while (!this.#closing) this.#turn()
    } finally {
      for (const tunnel of this.#byRow.values()) tunnel.end('released')
      this.#post()
      this.#pool.close()
      close(this.#epoll)
      // The event descriptor is the main thread's to close: it may be ringing it this moment.
    }
  }

  ended(tunnel: Tunnel, how: WorkerEnd, told: Side | undefined): void {
    for (const { fd } of [tunnel.client, tunnel.upstream]) {
      epollControl(this.#epoll, EPOLL_CTL_DEL, fd, null)
      this.#byDescriptor.delete(fd)
    }
    this.#byRow.delete(tunnel.row)
    this.#outbox.push({ kind: 'ended', row: tunnel.row, how, told })
  }

  lingering(tunnel: Tunnel, side: Side): void {
    this.#outbox.push({ kind: 'lingering', row: tunnel.row, side })
  }

  abandoned(tunnel: Tunnel): void {
    this.#outbox.push({ kind: 'abandoned', row: tunnel.row })
  }

  #turn(): void {
    const count = epollWait(this.#epoll, this.#table, this.#ready.length > 0 ? 0 : LONGEST_SLEEP_MS)
    if (count < 0 && errno() !== EINTR) throw new Error(`epoll_wait: error ${errno()}`)
    let rung = false
    for (let index = 0; index < count; index += 1) {
      const events = this.#events[index * EVENT_INTS]!
      const fd = this.#events[index * EVENT_INTS + EVENT_DATA]!
      if (fd === this.#wake) rung = true
      else this.#happened(fd, events)
    }
    // Messages after events: a descriptor number given back and lent again is then never mistaken for its predecessor.
    if (rung) this.#receive()
    const turn = this.#ready
    this.#ready = []
    for (const tunnel of turn) {
      tunnel.queued = false
      if (!tunnel.ended && tunnel.move()) this.#queue(tunnel)
    }
    this.#post()
  }

  #happened(fd: number, events: number): void {
    const tunnel = this.#byDescriptor.get(fd)
    if (!tunnel) return
    const end = fd === tunnel.client.fd ? tunnel.client : tunnel.upstream
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) end.readable = true
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) end.writable = true
    if (events & EPOLLPRI) end.urgent = true
    if (events & EPOLLRDHUP && !(events & (EPOLLERR | EPOLLHUP))) end.finCame = true
    if (events & EPOLLERR) tunnel.failed(end === tunnel.client ? 'client' : 'upstream')
    if (!tunnel.ended) this.#queue(tunnel)
  }

  #receive(): void {
    read(this.#wake, this.#bell, 8)
    for (;;) {
      const received = receiveMessageOnPort(parentPort!) as { message: ToWorker[] } | undefined
      if (!received) return
      for (const message of received.message) this.#obey(message)
    }
  }

  #obey(message: ToWorker): void {
    if (message.kind === 'close') this.#closing = true
    else if (message.kind === 'release') this.#byRow.get(message.row)?.end('released')
    else {
      const tunnel = new Tunnel(message.row, message.client, message.upstream, this.#rows, this.#pool, this)
      this.#byRow.set(tunnel.row, tunnel)
      for (const { fd } of [tunnel.client, tunnel.upstream]) {
        if (tunnel.ended) break
        this.#byDescriptor.set(fd, tunnel)
        if (!this.#watch(fd, EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET)) tunnel.end('released')
      }
      if (!tunnel.ended) this.#queue(tunnel)
    }
  }

  #watch(fd: number, events: number): boolean {
    this.#event[0] = events
    this.#event[EVENT_DATA] = fd
    return epollControl(this.#epoll, EPOLL_CTL_ADD, fd, this.#event) === 0
  }

  #queue(tunnel: Tunnel): void {
    if (tunnel.queued) return
    tunnel.queued = true
    this.#ready.push(tunnel)
  }

  #post(): void {
    if (this.#outbox.length === 0) return
    parentPort!.postMessage(this.#outbox)
    this.#outbox = []
  }
}

new RelayWorker().run()
