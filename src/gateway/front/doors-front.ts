import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Flow } from '../../contracts/flow.ts'
import { clockOrigin as originOf } from '../../front/clock-origin.ts'
import { type Batch, type DoorRules, type FromFront, type Gift, MAX_DOORS } from '../../front/messages.ts'
import type { Listener } from '../../listeners/listener.ts'
import type { OwnedAddresses } from '../../wire/address-owners.ts'
import { type AskedDoor, FrontFlows, type FrontFlowsOptions } from './front-flows.ts'
import { FrontThread, type FrontThreadOptions } from './front-thread.ts'
import type { Given } from './given-decisions.ts'
import { HeldFront, type Hold } from './held-front.ts'

/** A door as its front needs it. */
export interface FrontedDoor extends AskedDoor {
  readonly listener: FrontedListener
  /** As the settings are now. */
  rules(): DoorRules
}

export type FrontedListener = Pick<
  Listener,
  'lend' | 'keep' | 'leaveTo' | 'takeBack' | 'adopt' | 'droppedElsewhere' | 'troubledElsewhere'
>

export interface DoorsFrontOptions extends FrontFlowsOptions, Pick<FrontThreadOptions, 'startWorker' | 'clients'> {
  /** Doors are open only when the front is before them. */
  readonly atOnce?: boolean
  /** The doors serve themselves from here on. */
  onLost(reason: string): void
}

/** The front of all doors: brings them to its thread, makes flows of what that thread asks, and takes back what it does not serve. */
export class DoorsFront {
  readonly #options: DoorsFrontOptions
  readonly #thread: FrontThread
  readonly #doors = new Map<number, FrontedDoor & { descriptor?: number }>()
  readonly #flows: FrontFlows
  readonly #held: HeldFront<FrontedDoor>
  /** Milliseconds that our clock is ahead of the thread's. */
  #ahead = 0
  #lastDoor = -1
  #closed = false
  #isLost = false
  #onOpened = () => {}

  constructor(options: DoorsFrontOptions) {
    this.#options = options
    this.#thread = new FrontThread({
      clients: options.clients,
      onMessage: (message) => this.#receive(message),
      onLost: (reason) => this.#lost(reason),
      ...(options.startWorker ? { startWorker: options.startWorker } : {}),
    })
    this.#flows = new FrontFlows(options, this.#thread)
    this.#held = new HeldFront(this.#thread, (door) => this.#numberOf(door))
  }

  /** Tunnels that the front has opened since the start. */
  get tunnels(): number {
    return this.#flows.tunnels
  }

  /** How far the front came a moment ago with a client that its door has now, if it still holds. */
  given(flow: Flow): Given | undefined {
    return this.#flows.given(flow.door, flow)
  }

  /** Where somebody wants to wait for it, as tests do: when every door has its front. */
  async settled(): Promise<void> {
    if (!this.#options.atOnce) return
    await this.#thread.started
    while ([...this.#doors.values()].some(({ descriptor }) => descriptor === undefined)) {
      await new Promise<void>((resolve) => {
        this.#onOpened = resolve
      })
    }
  }

  /** Puts the front before a door, from the moment that its thread can. Until then, and where it can't, the door serves itself. */
  serve(door: FrontedDoor): void {
    if (this.#lastDoor + 1 >= MAX_DOORS || this.#closed) return
    this.#lastDoor += 1
    this.#doors.set(this.#lastDoor, door)
    if (this.#thread.usable) this.#open(this.#lastDoor, door)
  }

  /** Attempts that the kernel holds are taken from there, and their connections come by doors that are served; `undefined`: not any more. */
  hold(hold: Hold<FrontedDoor> | undefined): void {
    if (!this.#closed) this.#held.want(hold)
  }

  /** In whose name addresses are, from now on. */
  own(owned: OwnedAddresses): void {
    this.#thread.tell({ kind: 'owned', owned })
  }

  /** The settings have changed. */
  renewRules(): void {
    for (const [number, door] of this.#doors) {
      if (door.descriptor !== undefined) this.#thread.tell({ kind: 'rules', door: number, rules: door.rules() })
    }
  }

  /** Something has changed that decisions depend on: settings, network, containers. */
  decideAnew(): void {
    this.#thread.nextEpoch()
  }

  /** Ends every client that the thread has. */
  cut(): void {
    this.#closed = true
    if (this.#thread.usable) this.#thread.tell({ kind: 'cut' })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#thread.close()
  }

  #open(number: number, door: FrontedDoor): void {
    const descriptor = door.listener.lend()
    if (descriptor === undefined) this.#doors.delete(number)
    else this.#thread.tell({ kind: 'open', door: number, descriptor, rules: door.rules() })
  }

  #receive(message: FromFront): void {
    if (this.#isLost) closeLate(message)
    else if (message.kind === 'batch') this.#batch(message)
    else if (message.kind === 'ready') this.#ready(message.clockOrigin)
    else if (message.kind === 'opened') this.#opened(message.door, message.descriptor)
    else if (message.kind === 'hold-lost') this.#held.unreadable(message.hold, message.code)
  }

  #ready(clockOrigin: number): void {
    const { clock } = this.#options
    this.#ahead = clockOrigin - originOf(() => clock.monotonic())
    for (const [number, door] of this.#doors) this.#open(number, door)
  }

  #opened(number: number, descriptor: number): void {
    const door = this.#doors.get(number)!
    if (descriptor < 0) {
      this.#doors.delete(number)
      this.#onOpened()
      return void door.listener.keep()
    }
    const { connections } = this.#thread
    door.descriptor = descriptor
    door.listener.leaveTo({
      get connections() {
        return Math.max(0, Atomics.load(connections, number * 2))
      },
      holds: (count) => Atomics.store(connections, number * 2 + 1, count),
      shut: () => this.#thread.tell({ kind: 'shut', door: number }),
    })
    this.#onOpened()
    // They may have changed since the thread was told.
    this.#thread.tell({ kind: 'rules', door: number, rules: door.rules() })
    this.#held.look()
  }

  /** Of a door that the thread accepts by. */
  #numberOf(door: FrontedDoor): number | undefined {
    for (const [number, { listener, descriptor }] of this.#doors) {
      if (listener === door.listener && descriptor !== undefined) return number
    }
    return undefined
  }

  #batch(batch: Batch): void {
    this.#flows.obey(batch, this.#ahead, (door) => this.#doors.get(door)!)
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

  #lost(reason: string): void {
    this.#isLost = true
    this.#flows.lost(this.#options.clock.monotonic())
    this.#held.lost()
    for (const { listener, descriptor } of this.#doors.values()) {
      if (descriptor === undefined) listener.keep()
      else listener.takeBack(descriptor)
    }
    this.#doors.clear()
    this.#onOpened()
    this.#closed = true
    this.#options.onLost(reason)
  }
}

/** What a thread that has died had still said: nobody knows of the descriptors that it gave away. */
function closeLate(message: FromFront): void {
  if (message.kind === 'batch') for (const { descriptor } of message.gifts) closeSync(descriptor)
  else if (message.kind === 'opened' && message.descriptor >= 0) closeSync(message.descriptor)
}
