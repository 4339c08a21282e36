import { performance } from 'node:perf_hooks'
import { close, eventDescriptor, O_CLOEXEC, O_NONBLOCK, read } from '../system/linux/descriptors.ts'
import { EPOLLIN } from '../system/linux/epoll.ts'
import type { Endpoint } from '../system/linux/socket-address.ts'
import { resetOnClose } from '../system/linux/sockets.ts'
import { AskingClient } from './asking-client.ts'
import type { ClientCounts } from './client-counts.ts'
import { clockOrigin } from './clock-origin.ts'
import { DecisionCache } from './decision-cache.ts'
import { EventLoop, type Watcher } from './event-loop.ts'
import type { FrontClient } from './front-client.ts'
import type { FrontClientHost, Leaving } from './front-client-host.ts'
import { FrontDoor, type FrontDoorHost, PAUSE_MS } from './front-door.ts'
import { HeldDoor, type HeldDoorHost, type MakeClient } from './held-door.ts'
import type { HeldSyn, HoldQueue } from './hold-queue.ts'
import { LoopbackPacing } from './loopback-pacing.ts'
import { ANSWER, type Batch, type DoorRules, type FromFront, type Hold, type ToFront } from './messages.ts'
import { type Asked, Outbox } from './outbox.ts'
import { Places } from './places.ts'
import { ReadyList } from './ready-list.ts'
import { Rows } from './rows.ts'
import { ShortWaits } from './short-waits.ts'
import type { Side, StartTunnel } from './tunnel.ts'
import { sweepPeriod, TunnelTimes } from './tunnel-times.ts'

/** Milliseconds between looks at clients whose tunnel does not stand yet, a quarter of the shortest patience, and at decisions that are too old. */
const IMPATIENT_MS = 60
/** Milliseconds to sleep at most: a process that ends without telling us must not wait longer than this for the thread. */
const LONGEST_SLEEP_MS = 2_000

export interface FrontOptions {
  readonly startTunnel: StartTunnel
  /** Whether an address is in one of the blocks. */
  readonly admits: (from: readonly string[], address: string) => boolean
  /** Messages that have come; called when the main thread has rung. */
  readonly receive: () => readonly ToFront[]
  readonly post: (message: FromFront) => void
  /** Of the row that a tunnel's counts are in: bytes up, bytes down, ms to the first byte or -1. */
  readonly counts: (row: number) => readonly [up: number, down: number, firstByteMs: number]
  readonly clearRow: (row: number) => void
  /** The kernel's queue behind a descriptor. */
  readonly holdQueue: (hold: Omit<Hold, 'doors'>) => HoldQueue
  /** Grows whenever something moves. */
  readonly progress: (row: number) => number
  /** See `FrontMemory`. */
  readonly threads: number
  readonly descriptors: Int32Array
  readonly listening: Int32Array
  readonly own: Int32Array
  readonly connections: Int32Array
  readonly clients: ClientCounts
  readonly epoch: Int32Array
}

/** The doors' front, or one of several: one loop over all descriptors, which never returns to Node's while it runs. */
export class Front implements FrontClientHost, FrontDoorHost, HeldDoorHost {
  readonly loop = new EventLoop()
  readonly startTunnel: StartTunnel
  readonly times: TunnelTimes
  readonly pacing = new LoopbackPacing()
  readonly #options: FrontOptions
  readonly #decisions: DecisionCache
  readonly #outbox: Outbox
  readonly #wake = eventDescriptor(0, O_NONBLOCK | O_CLOEXEC)
  readonly #doors = new Map<number, FrontDoor>()
  readonly #places: Places
  readonly #holds: HeldDoor
  /** Without a tunnel yet, by number. */
  readonly #early = new Map<number, FrontClient>()
  readonly #tunnels = new Set<FrontClient>()
  readonly #rows: Rows
  #lastId = 0
  readonly #ready = new ReadyList<FrontClient>()
  readonly #waits = new ShortWaits()
  #now = performance.now()
  #impatientAt = 0
  #resumeAt = 0
  #closing = false

  constructor(options: FrontOptions) {
    this.#options = options
    this.startTunnel = options.startTunnel
    const maxClients = options.descriptors.length / 2
    this.#rows = new Rows(maxClients)
    this.times = new TunnelTimes(maxClients)
    this.#places = new Places(options.connections, options.own, options.clients)
    this.#holds = new HeldDoor(this, options.clients)
    this.#outbox = new Outbox((batch: Batch) => {
      options.post(batch)
      // Who is given away stands in the table until somebody else knows of it.
      this.#rows.told((row) => this.holds(row, 'client', 0))
    })
    this.#decisions = new DecisionCache(options.epoch, (number) => this.#outbox.forgotten(number, this.#now))
  }

  /** Until told to close. */
  run(): void {
    if (!this.loop.usable || this.#wake < 0 || !this.loop.watch(this.#wake, EPOLLIN, this.#bell)) {
      this.#options.post({ kind: 'unusable', reason: 'no epoll or eventfd' })
      return
    }
    this.#options.post({ kind: 'ready', wakeDescriptor: this.#wake, clockOrigin: clockOrigin(() => performance.now()) })
    try {
      while (!this.#closing) this.#turn()
      this.#cut()
      for (const number of this.#doors.keys()) this.#shut(number)
      this.#holds.letGo()
    } finally {
      // Of what an exception leaves open the main thread closes the connections, and takes back the listening sockets and the queue.
      this.#outbox.flushAll()
      this.loop.close()
      // The event descriptor is the main thread's to close: it may be ringing it this moment.
    }
  }

  now(): number {
    return this.#now
  }

  arrived(door: FrontDoor, fd: number, peer: Endpoint | undefined): void {
    const { rules, number } = door
    if (rules.captured && this.#holds.arrived(number, fd, peer)) return
    const serves = !rules.captured && (rules.from.length === 0 || this.#options.admits(rules.from, peer?.address ?? ''))
    const make: MakeClient<FrontClient> = (id, row) => new AskingClient(id, row, fd, door, peer!, this)
    const client = serves && peer ? this.enter(number, make) : undefined
    if (client) client.start()
    else if (this.#places.isFull(door)) {
      // To who knows nothing of us an orderly end would be its server's: an empty answer.
      if (rules.captured) resetOnClose(fd)
      close(fd)
      this.#outbox.dropped(number, peer?.address ?? '')
    } else this.#outbox.give({ client: undefined, door: number, descriptor: fd, bytes: undefined, answered: 0 })
  }

  enter<C extends FrontClient>(number: number | undefined, make: MakeClient<C>): C | undefined {
    const door = number === undefined ? undefined : this.#doors.get(number)
    if (!door?.rules.serves) return undefined
    const row = this.#rows.take()
    if (row === undefined) return undefined
    if (!this.#places.take(door)) return void this.#rows.give(row)
    this.#lastId += 1
    const client = make(this.#lastId, row, door, this)
    this.#early.set(client.id, client)
    return client
  }

  hasShare(client: string): boolean {
    return this.#places.hasShare(client, this.#doors.values())
  }

  giveHeld(syn: HeldSyn): void {
    this.#outbox.giveHeld(-1, syn)
  }

  holdLost({ hold, descriptor }: Pick<HoldQueue, 'hold' | 'descriptor'>, code: number): void {
    this.#options.post({ kind: 'hold-lost', hold, descriptor, code })
  }

  trouble(door: FrontDoor, error: number): void {
    this.#resumeAt = this.#now + PAUSE_MS
    this.#outbox.trouble(door.number, error)
  }

  progress(row: number): number {
    return this.#options.progress(row)
  }

  asks(client: FrontClient, asked: Asked, peer: Endpoint): void {
    const { id, row, door } = client
    this.#options.clearRow(row)
    client.key = `${door.number} ${peer.address} ${asked.target.host} ${asked.target.port}`
    const decided = this.#decisions.find(client.key, this.#now)
    if (decided) {
      this.#outbox.begun(id, decided.number, asked, peer.port, row, this.#now)
      client.answer(decided.addresses)
    } else this.#outbox.ask(id, door.number, asked, peer, row, this.#now)
  }

  doubts(client: FrontClient): void {
    this.#decisions.forget(client.key)
  }

  failed({ id }: FrontClient, address: string, error: number): void {
    this.#outbox.failed(id, address, error, this.#now)
  }

  stands(client: FrontClient): void {
    this.#early.delete(client.id)
    client.key = '' // ten thousand of them would be a megabyte
    this.#tunnels.add(client)
    this.#outbox.stands(client.id, this.#now)
  }

  queue(client: FrontClient): void {
    this.#ready.add(client)
  }

  left(client: FrontClient, how: Leaving): void {
    const { id, row, door } = client
    this.#early.delete(id)
    this.#tunnels.delete(client)
    this.#places.free(door)
    if (how.kind === 'gone') this.#outbox.gone(id)
    else if (how.kind === 'given') {
      const { descriptor, bytes, answered } = how
      const asked = how.asked ? id : undefined
      this.#outbox.give({ client: asked, door: door.number, descriptor, bytes, answered })
    } else if (how.kind === 'given-held') this.#outbox.giveHeld(id, how.syn)
    else if (how.kind === 'ended') this.#outbox.ended(id, how.how, ...this.#options.counts(row), this.#now)
    this.#rows.give(row, how.kind === 'given')
  }

  holds(row: number, side: Side, fd: number): void {
    this.#options.descriptors[row * 2 + (side === 'client' ? 0 : 1)] = fd
  }

  #turn(): void {
    const sleep = this.#sleep()
    this.loop.wait(sleep, sleep > 0 ? this.#waits.awake : 0)
    this.#now = performance.now()
    // Messages first: whoever has changed the settings may count on it that the next client meets them.
    this.loop.tell(this.#wake)
    this.#waits.move(this.#ready, this, this.#early.size > 0)
    this.#look()
    this.#outbox.flush(this.#now)
  }

  #sleep(): number {
    if (!this.#ready.isEmpty) return 0
    let until = this.#outbox.due(this.#now) ?? LONGEST_SLEEP_MS
    if (this.#early.size > 0 || this.#resumeAt > 0) until = Math.min(until, IMPATIENT_MS)
    if (this.#tunnels.size > 0) until = Math.min(until, this.times.due - this.#now)
    return Math.max(0, Math.ceil(until))
  }

  /** Everything that goes by time. */
  #look(): void {
    const now = this.#now
    if (this.#resumeAt > 0 && now >= this.#resumeAt) {
      this.#resumeAt = 0
      for (const door of this.#doors.values()) door.resume()
    }
    if (now >= this.#impatientAt) {
      this.#impatientAt = now + IMPATIENT_MS
      this.#decisions.prune(now)
      for (const client of this.#early.values()) client.check(now)
    }
    if (this.#tunnels.size > 0 && now >= this.times.due) {
      this.times.looked(now, sweepPeriod(this.#doors.values(), this.#options.threads))
      for (const client of this.#tunnels) client.check(now)
    }
  }

  readonly #bell: Watcher = {
    happened: (descriptor) => {
      read(descriptor, this.#ring, this.#ring.length)
      for (const message of this.#options.receive()) this.#obey(message)
    },
  }
  readonly #ring = new Uint8Array(8)

  #obey(message: ToFront): void {
    if (message.kind === 'answers') this.#answers(message.answers)
    else if (message.kind === 'open') this.#open(message.door, message.descriptor, message.rules)
    else if (message.kind === 'rules') this.#doors.get(message.door)?.obey(message.rules)
    else if (message.kind === 'shut') this.#shut(message.door)
    else if (message.kind === 'look') for (const door of this.#doors.values()) door.stepBack()
    else if (message.kind === 'hold') this.#holds.take(this.#options.holdQueue(message), message.doors)
    else if (message.kind === 'owned') this.#holds.own(message.owned)
    else if (message.kind === 'let-go') this.#holds.letGo()
    else if (message.kind === 'cut') this.#cut()
    else this.#closing = true
  }

  #answers(answers: readonly (number | string)[]): void {
    for (let place = 0; place < answers.length; ) {
      const [id, number, epoch, count] = answers.slice(place, place + ANSWER) as [number, number, number, number]
      const addresses = answers.slice(place + ANSWER, place + ANSWER + count) as string[]
      place += ANSWER + count
      const client = this.#early.get(id)
      if (number >= 0) {
        if (client) this.#decisions.keep(client.key, { number, addresses }, epoch, this.#now)
        else this.#outbox.forgotten(number, this.#now)
      }
      client?.answer(addresses)
    }
  }

  #open(number: number, descriptor: number, rules: DoorRules): void {
    // A transparent socket's address is nobody's.
    if (!rules.captured) this.pacing.liftListening(descriptor)
    const door = new FrontDoor(number, descriptor, rules, this, this.#options.threads > 1 && !rules.captured)
    door.resume()
    if (!door.paused) this.#doors.set(number, door)
    this.#options.post({ kind: 'opened', door: number, watched: !door.paused })
  }

  #shut(number: number): void {
    if (this.#doors.has(number)) Atomics.store(this.#options.listening, number, 0)
    this.#doors.get(number)?.shut()
    this.#doors.delete(number)
  }

  #cut(): void {
    for (const client of [...this.#early.values(), ...this.#tunnels]) client.cut()
  }
}
