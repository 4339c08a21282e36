import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import { availableParallelism } from 'node:os'
import type { Flow } from '../../contracts/flow.ts'
import type { ClientCountsMemory } from '../../front/client-counts.ts'
import { clockOrigin as originOf } from '../../front/clock-origin.ts'
import { type Batch, type FromFront, type FrontsMemory, type Gift, MAX_DOORS } from '../../front/messages.ts'
import type { OwnedAddresses } from '../../wire/address-owners.ts'
import { FrontFlows, type FrontFlowsOptions } from './front-flows.ts'
import { FrontThread, type FrontThreadOptions } from './front-thread.ts'
import { CAPTURED_AT, type FrontedDoor, FrontedDoors } from './fronted-doors.ts'
import { type Given, GivenDecisions } from './given-decisions.ts'
import { HeldFront, type Hold } from './held-front.ts'

/** All of them ask the main thread, which has one core for its answers; and each takes some MiB of memory, whether or not it has clients. */
const MAX_THREADS = 4

/** Where nobody says how many. */
export const frontThreads = (): number => Math.min(MAX_THREADS, Math.max(1, availableParallelism() - 1))

export interface DoorsFrontOptions extends FrontFlowsOptions, Pick<FrontThreadOptions, 'startWorker'> {
  /** Where the captured connections of each client are counted. */
  readonly clients: ClientCountsMemory
  /** Doors are open only when the front is before them. */
  readonly atOnce?: boolean
  /** Default: one for each core but one, which the main thread has; at most MAX_THREADS. */
  readonly threads?: number
  /** All threads of the process that move bytes. Default: these. */
  readonly pipeSharers?: number
  /** One of the threads is gone. `others`: those that go on; none: the doors serve themselves from here on. */
  onLost(reason: string, others: number): void
}

/** One of the threads, with what is its own. */
interface Serving {
  readonly thread: FrontThread
  readonly flows: FrontFlows
  state: 'starting' | 'serves' | 'lost'
  /** Milliseconds that our clock is ahead of the thread's. */
  ahead: number
}

/** The front of all doors: brings them to its threads, makes flows of what those ask, and takes back what they do not serve. */
export class DoorsFront {
  readonly #options: DoorsFrontOptions
  readonly #epoch: Int32Array
  readonly #given = new GivenDecisions()
  readonly #serving: readonly Serving[]
  readonly #doors: FrontedDoors
  readonly #held: HeldFront<FrontedDoor>
  #closed = false
  #onAnswer = () => {}

  constructor(options: DoorsFrontOptions) {
    const threads = options.threads ?? frontThreads()
    const memory: FrontsMemory = {
      threads,
      pipeSharers: options.pipeSharers ?? threads,
      connections: new SharedArrayBuffer(MAX_DOORS * 2 * Int32Array.BYTES_PER_ELEMENT),
      clients: options.clients,
      epoch: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
    }
    this.#options = options
    this.#epoch = new Int32Array(memory.epoch)
    this.#serving = Array.from({ length: threads }, (_, place) => this.#start(place, memory))
    const all = this.#serving.map(({ thread }) => thread)
    this.#doors = new FrontedDoors(all, new Int32Array(memory.connections), () => this.#onAnswer())
    this.#held = new HeldFront(all[CAPTURED_AT]!, (door) => this.#doors.numberOf(door))
  }

  /** Tunnels that each thread has opened since the start. */
  get tunnels(): readonly number[] {
    return this.#serving.map(({ flows }) => flows.tunnels)
  }

  /** How far the front came a moment ago with a client that its door has now, if it still holds. */
  given(flow: Flow): Given | undefined {
    return this.#given.take(flow.door, flow, Atomics.load(this.#epoch, 0), this.#options.clock.monotonic())
  }

  /** Where somebody wants to wait for it, as tests do: when every door has its front. */
  async settled(): Promise<void> {
    if (!this.#options.atOnce) return
    await Promise.all(this.#serving.map(({ thread }) => thread.started))
    while (!this.#closed && !this.#doors.areOpen) {
      await new Promise<void>((resolve) => {
        this.#onAnswer = resolve
      })
    }
  }

  /** Puts the front before a door, from the moment that its threads can. Until then, and where they can't, the door serves itself. */
  serve(door: FrontedDoor): void {
    if (!this.#closed) this.#doors.serve(door, this.#haveStarted)
  }

  /** Attempts that the kernel holds are taken from there, and their connections come by doors that are served; `undefined`: not any more. */
  hold(hold: Hold<FrontedDoor> | undefined): void {
    if (!this.#closed) this.#held.want(hold)
  }

  /** In whose name addresses are, from now on. */
  own(owned: OwnedAddresses): void {
    this.#serving[CAPTURED_AT]!.thread.tell({ kind: 'owned', owned })
  }

  /** The settings have changed. */
  renewRules(): void {
    this.#doors.renewRules()
  }

  /** Something has changed that decisions depend on (settings, network, containers): from this moment on no client is served by one made before. */
  decideAnew(): void {
    Atomics.add(this.#epoch, 0, 1)
  }

  /** Ends every client that the threads have. */
  cut(): void {
    this.#closed = true
    for (const { thread } of this.#serving) if (thread.usable) thread.tell({ kind: 'cut' })
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#serving.map(({ thread }) => thread.close()))
  }

  #start(place: number, memory: FrontsMemory): Serving {
    const { startWorker } = this.#options
    const thread = new FrontThread({
      memory,
      takesCaptured: place === CAPTURED_AT,
      onMessage: (message) => this.#receive(place, message),
      onLost: (reason) => this.#lost(place, reason),
      ...(startWorker ? { startWorker } : {}),
    })
    return { thread, flows: new FrontFlows(this.#options, thread, this.#given), state: 'starting', ahead: 0 }
  }

  /** Or could not. */
  get #haveStarted(): boolean {
    return this.#serving.every(({ state }) => state !== 'starting')
  }

  #receive(place: number, message: FromFront): void {
    const serving = this.#serving[place]!
    if (serving.state === 'lost') closeLate(message)
    else if (message.kind === 'batch') this.#batch(serving, message)
    else if (message.kind === 'ready') this.#ready(serving, message.clockOrigin)
    else if (message.kind === 'hold-lost') this.#held.unreadable(message)
    else if (message.kind === 'opened') {
      this.#doors.opened(place, message.door, message.watched)
      this.#held.look()
    }
  }

  #ready(serving: Serving, clockOrigin: number): void {
    const { clock } = this.#options
    serving.ahead = clockOrigin - originOf(() => clock.monotonic())
    serving.state = 'serves'
    this.#lendDoors()
  }

  #lendDoors(): void {
    if (this.#haveStarted && !this.#closed) this.#doors.lend()
  }

  #batch({ flows, ahead }: Serving, batch: Batch): void {
    flows.obey(batch, ahead, (door) => this.#doors.get(door)!)
    if (!this.#closed) this.#held.obey(batch)
    for (const gift of batch.gifts) this.#take(gift)
    for (let at = 0; at < batch.dropped.length; at += 2) {
      this.#doors.get(batch.dropped[at] as number)?.listener.droppedElsewhere(batch.dropped[at + 1] as string)
    }
    for (let at = 0; at < batch.troubles.length; at += 2) {
      this.#doors.get(batch.troubles[at]!)?.listener.troubledElsewhere(batch.troubles[at + 1]!)
    }
  }

  #take({ door: number, descriptor, bytes, answered }: Gift): void {
    const door = this.#doors.get(number)
    if (!door || this.#closed) return void closeSync(descriptor)
    let socket: Socket
    try {
      const options = { fd: descriptor, readable: true, writable: true, allowHalfOpen: true, pauseOnCreate: true }
      socket = new Socket(options)
    } catch {
      return void closeSync(descriptor)
    }
    socket.setNoDelay(true)
    door.listener.adopt(socket, bytes && Buffer.from(bytes), answered)
  }

  #lost(place: number, reason: string): void {
    const lost = this.#serving[place]!
    lost.state = 'lost'
    lost.flows.lost(this.#options.clock.monotonic())
    if (place === CAPTURED_AT) this.#held.lost()
    this.#doors.lost(place)
    const others = this.#serving.filter(({ state }) => state !== 'lost').length
    if (others === 0) this.#closed = true
    this.#lendDoors()
    this.#onAnswer()
    this.#options.onLost(reason, others)
  }
}

/** What a thread that has died had still said: nobody knows of the descriptors that it gave away. */
function closeLate(message: FromFront): void {
  if (message.kind === 'batch') for (const { descriptor } of message.gifts) closeSync(descriptor)
}
