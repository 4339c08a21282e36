import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { FairQueue } from '../../system/fair-queue.ts'
import { eventDescriptor, POLLIN, poll, read } from '../../system/linux/descriptors.ts'
import { EINTR, errno } from '../../system/linux/libc.ts'
import { socketAddress } from '../../system/linux/socket-address.ts'
import { SOCK_CLOEXEC, SOCK_NONBLOCK } from '../../system/linux/socket-numbers.ts'
import { AddressOwners } from '../../wire/address-owners.ts'
import { BATCH, DatagramBatch, type ReceivedDatagram } from './datagram-batch.ts'
import {
  type Carried,
  DATAGRAM_COST,
  type FromWorker,
  LOST,
  MAX_AGE_MS,
  MAX_UP,
  MAX_WAITING,
  POSTED,
  TAKEN_PORT,
  type ToWorker,
  TURN_COST,
  type WorkerData,
} from './datagram-protocol.ts'
import { REFUSED_CLIENTS_SHARE, ReplySockets, type Sent } from './reply-sockets.ts'
import { UnreachableSender } from './unreachable-sender.ts'

/** Milliseconds to sleep at most, for a process that ends without telling us. */
const LONGEST_SLEEP_MS = 2_000
/** Milliseconds after which the main thread is looked at again when it was too far behind. */
const BEHIND_MS = 1
/** Batches read of a socket in one turn: what waits in the system waits in the order of its coming, so that a flood must be read faster than it is dealt with. */
const BATCHES = 8
/** struct pollfd. */
const POLL = { bytes: 8, events: 4, happened: 6 }

/** A thread that sleeps in poll and moves datagrams between transparent sockets and the main thread. It never returns to Node's event loop. */
class DatagramWorker {
  readonly #sockets = (workerData as WorkerData).sockets
  readonly #counts = new Int32Array((workerData as WorkerData).counts)
  readonly #wake = eventDescriptor(0, SOCK_NONBLOCK | SOCK_CLOEXEC)
  readonly #bell = new Uint8Array(8)
  readonly #batch = new DatagramBatch()
  /** While the main thread is behind. */
  readonly #waiting = new FairQueue<ReceivedDatagram>({ maxBytes: MAX_WAITING, maxAgeMs: MAX_AGE_MS })
  readonly #replies = new ReplySockets(() => performance.now(), (workerData as WorkerData).replySockets)
  readonly #unreachable = new UnreachableSender(
    () => performance.now(),
    (workerData as WorkerData).replySockets / REFUSED_CLIENTS_SHARE,
  )
  /** Until it is told: each address for itself. */
  #owners = AddressOwners.none
  readonly #polled = Buffer.alloc((1 + this.#sockets.length) * POLL.bytes)
  #closing = false

  run(): void {
    if (this.#wake < 0) {
      this.#post({ kind: 'unusable', reason: `eventfd: error ${errno()}` })
      return
    }
    for (const [place, fd] of [this.#wake, ...this.#sockets].entries()) {
      this.#polled.writeInt32LE(fd, place * POLL.bytes)
      this.#polled.writeInt16LE(POLLIN, place * POLL.bytes + POLL.events)
    }
    this.#post({ kind: 'ready', wakeDescriptor: this.#wake, tellsUnreachable: this.#unreachable.works })
    try {
      while (!this.#closing) this.#turn()
    } finally {
      this.#replies.close()
      this.#unreachable.close()
      // The event descriptor is the main thread's to close: it may be ringing it this moment.
    }
  }

  #turn(): void {
    const sleepMs = this.#waiting.isEmpty ? LONGEST_SLEEP_MS : BEHIND_MS
    const count = poll(this.#polled, 1 + this.#sockets.length, sleepMs)
    if (count < 0 && errno() !== EINTR) throw new Error(`poll: error ${errno()}`)
    if (count > 0) {
      if (this.#happened(0)) this.#receive()
      for (const [place, fd] of this.#sockets.entries()) if (this.#happened(place + 1)) this.#readAll(fd)
    }
    this.#goOn()
    this.#replies.sweep()
  }

  #happened(place: number): boolean {
    return this.#polled.readInt16LE(place * POLL.bytes + POLL.happened) !== 0
  }

  #readAll(fd: number): void {
    for (let left = BATCHES; left > 0 && this.#read(fd) === BATCH; left -= 1);
  }

  /** How many there were: at most a batch. */
  #read(fd: number): number {
    const received = this.#batch.receive(fd)
    if (received.length === 0) return 0
    if (this.#waiting.isEmpty && this.#room > 0) {
      this.#up(received)
      return received.length
    }
    const now = performance.now()
    for (const datagram of received) {
      const { client, data } = datagram
      this.#waiting.push(
        this.#owners.ownerOf(client.address),
        { ...datagram, data: Buffer.from(data) },
        data.length + TURN_COST,
        now,
      )
    }
    return received.length
  }

  /** Bytes that may be posted now. */
  get #room(): number {
    return MAX_UP - Atomics.load(this.#counts, POSTED.up)
  }

  /** What waits, as far as the main thread has gone on. */
  #goOn(): void {
    if (this.#waiting.isEmpty || this.#room <= 0) return
    const next = this.#waiting.take(this.#room, performance.now())
    Atomics.add(this.#counts, LOST.up, this.#waiting.lost())
    if (next.length > 0) this.#up(next)
  }

  #up(received: readonly ReceivedDatagram[]): void {
    const bytes = new Uint8Array(received.reduce((sum, { data }) => sum + data.length, 0))
    let end = 0
    const carried = received.map(({ client, far, data }): Carried => {
      bytes.set(data, end)
      end += data.length
      return { client: client.address, clientPort: client.port, far: far.address, farPort: far.port, end }
    })
    Atomics.add(this.#counts, POSTED.up, bytes.length + carried.length * TURN_COST)
    this.#post({ kind: 'datagrams', carried, bytes }, [bytes.buffer])
  }

  #receive(): void {
    read(this.#wake, this.#bell, 8)
    for (;;) {
      const received = receiveMessageOnPort(parentPort!) as { message: ToWorker } | undefined
      if (!received) return
      this.#obey(received.message)
    }
  }

  #obey(message: ToWorker): void {
    switch (message.kind) {
      case 'close':
        this.#closing = true
        break
      case 'owned':
        this.#owners = AddressOwners.from(message.owned)
        break
      case 'unreachable':
        for (const ends of message.ends) {
          const family = ends.far.includes(':') ? 6 : 4
          if (!this.#unreachable.tell(this.#owners.ownerOf(ends.client), family, ends)) this.#count('unsent')
        }
        break
      case 'replies': {
        const { carried, bytes } = message
        let from = 0
        for (const { client, clientPort, far, farPort, end } of carried) {
          const to = socketAddress({ address: client, port: clientPort })
          const owner = this.#owners.ownerOf(client)
          const sent = this.#replies.send(owner, { address: far, port: farPort }, to, bytes.subarray(from, end))
          if (sent !== 'sent') this.#count(sent)
          if (sent === 'port-taken') Atomics.store(this.#counts, TAKEN_PORT, farPort)
          from = end
        }
        Atomics.sub(this.#counts, POSTED.down, bytes.length + carried.length * DATAGRAM_COST)
      }
    }
  }

  #count(why: Exclude<Sent, 'sent'>): void {
    Atomics.add(this.#counts, LOST[why], 1)
  }

  #post(message: FromWorker, handedOver: ArrayBuffer[] = []): void {
    parentPort!.postMessage(message, handedOver)
  }
}

new DatagramWorker().run()
