import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Clock } from '../../contracts/clock.ts'
import type { DoorContext } from '../../contracts/door.ts'
import { GatewayError } from '../../contracts/gateway-error.ts'
import type { RouteQuery } from '../../contracts/route.ts'
import {
  ASK,
  type Batch,
  type DoorRules,
  END,
  ENDS,
  type FromFront,
  type Gift,
  MAX_DOORS,
  STAND,
} from '../../front/messages.ts'
import { PROTOCOLS } from '../../front/opening.ts'
import type { Listener } from '../../listeners/listener.ts'
import { BYTES_DOWN, BYTES_UP, ROW } from '../../relay/worker-protocol.ts'
import { isLoopback } from '../../wire/address.ts'
import { FrontThread, type FrontThreadOptions } from './front-thread.ts'
import { GIVEN, HeldFlow, type HeldFlowParts } from './held-flow.ts'

/** A door as its front needs it. */
export interface FrontedDoor {
  readonly listener: Listener
  readonly context: DoorContext
  /** As the settings are now. */
  rules(): DoorRules
}

export interface DoorsFrontOptions extends Pick<FrontThreadOptions, 'startWorker'> {
  readonly clock: Clock
  /** Doors are open only when the front is before them. */
  readonly atOnce?: boolean
  /** The same flow with all that is known of its client, as the flows of the doors have it. */
  identified<F extends RouteQuery>(flow: F): F
  handleFlow(flow: HeldFlow): Promise<void>
  /** The doors serve themselves from here on. */
  onLost(reason: string): void
}

/** The front of all doors: brings them to its thread, makes flows of what that thread asks, and takes back what it does not serve. */
export class DoorsFront {
  readonly #options: DoorsFrontOptions
  readonly #thread: FrontThread
  readonly #doors = new Map<number, FrontedDoor & { descriptor?: number }>()
  readonly #flows = new Map<number, HeldFlow>()
  #lastDoor = -1
  #closed = false
  #tunnels = 0
  #onOpened = () => {}

  constructor(options: DoorsFrontOptions) {
    this.#options = options
    this.#thread = new FrontThread({
      onMessage: (message) => this.#receive(message),
      onLost: (reason) => this.#lost(reason),
      ...(options.startWorker ? { startWorker: options.startWorker } : {}),
    })
  }

  /** Tunnels that the front has opened since the start. */
  get tunnels(): number {
    return this.#tunnels
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

  /** The settings have changed. */
  renewRules(): void {
    for (const [number, door] of this.#doors) {
      if (door.descriptor !== undefined) this.#thread.tell({ kind: 'rules', door: number, rules: door.rules() })
    }
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
    if (message.kind === 'batch') this.#batch(message)
    else if (message.kind === 'ready') for (const [number, door] of this.#doors) this.#open(number, door)
    else if (message.kind === 'opened') this.#opened(message.door, message.descriptor)
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
  }

  #batch(batch: Batch): void {
    const behind = this.#options.clock.monotonic() - batch.now
    for (let at = 0; at < batch.asks.length; at += ASK) this.#asked(batch.asks, at)
    for (let at = 0; at < batch.stands.length; at += STAND) {
      this.#flows.get(batch.stands[at]!)?.stands(batch.stands[at + 1]! + behind)
      this.#tunnels += 1
    }
    for (let at = 0; at < batch.ends.length; at += END) this.#ended(batch.ends, at, behind)
    for (const client of batch.gone) {
      this.#left(client, new GatewayError('CLIENT_GONE', 'the client closed its connection'))
    }
    for (const gift of batch.gifts) this.#take(gift)
    for (let at = 0; at < batch.dropped.length; at += 2) {
      this.#doors.get(batch.dropped[at] as number)?.listener.droppedElsewhere(batch.dropped[at + 1] as string)
    }
    for (let at = 0; at < batch.troubles.length; at += 2) {
      this.#doors.get(batch.troubles[at]!)?.listener.troubledElsewhere(batch.troubles[at + 1]!)
    }
  }

  #asked(asks: Batch['asks'], at: number): void {
    const [client, number, place, host, family, port, address, clientPort, row] = asks.slice(at, at + ASK) as [
      number,
      number,
      number,
      string,
      0 | 4 | 6,
      number,
      string,
      number,
      number,
    ]
    const { context } = this.#doors.get(number)!
    const parts: HeldFlowParts = {
      id: context.nextId(),
      door: context.name,
      protocol: PROTOCOLS[place]!,
      target: { host, family, port },
      scheme: port === 80 ? 'http' : 'https',
      scope: context.scope,
      client: { address, port: clientPort, local: isLoopback(address) },
      counts: new RowCounts(this.#thread.rows, row),
      answer: (addresses) => this.#thread.answer(client, addresses),
    }
    const flow = new HeldFlow(this.#options.identified(parts))
    this.#flows.set(client, flow)
    void this.#options.handleFlow(flow)
  }

  #ended(ends: Batch['ends'], at: number, behind: number): void {
    const client = ends[at]!
    const flow = this.#flows.get(client)
    if (!flow) return
    this.#flows.delete(client)
    const firstByteMs = ends[at + 4]!
    flow.ended({
      ended: ENDS[ends[at + 1]!]!,
      bytesUp: ends[at + 2]!,
      bytesDown: ends[at + 3]!,
      ...(firstByteMs < 0 ? {} : { firstByteMs }),
      at: ends[at + 5]! + behind,
    })
  }

  #left(client: number, why: GatewayError): void {
    const flow = this.#flows.get(client)
    this.#flows.delete(client)
    flow?.left(why)
  }

  #take({ client, door: number, descriptor, bytes, answered }: Gift): void {
    if (client !== undefined) this.#left(client, GIVEN)
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
    for (const [client, flow] of [...this.#flows]) {
      const { bytesUp, bytesDown } = flow.counts
      flow.ended({ ended: 'aborted', bytesUp, bytesDown, at: this.#options.clock.monotonic() })
      this.#left(client, new GatewayError('CLIENT_GONE', 'the connection was lost with the thread that held it'))
    }
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

/** What the thread counts of a client, for the live view. */
class RowCounts {
  readonly #rows: Float64Array
  readonly #at: number

  constructor(rows: Float64Array, row: number) {
    this.#rows = rows
    this.#at = row * ROW
  }

  get bytesUp(): number {
    return this.#rows[this.#at + BYTES_UP]!
  }

  get bytesDown(): number {
    return this.#rows[this.#at + BYTES_DOWN]!
  }
}
