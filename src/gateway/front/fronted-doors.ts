import { closeSync } from 'node:fs'
import { type DoorRules, MAX_DOORS, type ToFront } from '../../front/messages.ts'
import type { Listener } from '../../listeners/listener.ts'
import { duplicate } from '../../system/linux/descriptors.ts'
import type { AskedDoor } from './front-flows.ts'

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

/** A thread, as far as doors go. */
export interface AcceptingThread {
  readonly usable: boolean
  /** See `FrontMemory`. What still stands there when the thread is gone, and is not taken out, is closed. */
  readonly listening: Int32Array
  tell(message: ToFront): void
}

interface Served {
  readonly door: FrontedDoor
  /** Of the threads that have been told of it, by their place. */
  readonly ways: Map<number, Way>
  /** Its listener has been lent to them. */
  isLent: boolean
}

/** How a thread takes the door's clients. */
interface Way {
  accepts: boolean
}

/** The place of the thread that takes captured connections: the one that has let an attempt in must have its connection too, so it is one alone. */
export const CAPTURED_AT = 0

/** The doors by the numbers that the threads know them by, and who takes their clients: all threads those of a door, while there is one. */
export class FrontedDoors {
  readonly #threads: readonly AcceptingThread[]
  readonly #connections: Int32Array
  readonly #served = new Map<number, Served>()
  readonly #onAnswer: () => void
  #last = -1

  /** `connections`: see `FrontsMemory`. `onAnswer`: when a thread has said whether it takes a door's clients. */
  constructor(threads: readonly AcceptingThread[], connections: Int32Array, onAnswer: () => void) {
    this.#threads = threads
    this.#connections = connections
    this.#onAnswer = onAnswer
  }

  /** Of a door that has been served, also if it takes nobody any more: clients may still be there. */
  get(number: number): FrontedDoor | undefined {
    return this.#served.get(number)?.door
  }

  /** Whether each has its front. */
  get areOpen(): boolean {
    return [...this.#served.values()].every(
      ({ isLent, ways }) => isLent && [...ways.values()].every((way) => way.accepts),
    )
  }

  /** `isLent`: now; else with the next `lend`. */
  serve(door: FrontedDoor, isLent: boolean): void {
    if (this.#last + 1 >= MAX_DOORS) return
    this.#last += 1
    const served = { door, ways: new Map<number, Way>(), isLent: false }
    this.#served.set(this.#last, served)
    if (isLent) this.#lend(this.#last, served)
  }

  /** All doors, to the threads that are usable now. */
  lend(): void {
    for (const [number, served] of this.#served) if (!served.isLent) this.#lend(number, served)
  }

  /** Of a door whose captured connections are taken. */
  numberOf(door: FrontedDoor): number | undefined {
    for (const [number, { door: served, ways }] of this.#served) {
      if (served.listener === door.listener && ways.get(CAPTURED_AT)?.accepts) return number
    }
    return undefined
  }

  /** The settings have changed. Each thread hears of it before any client that comes after. */
  renewRules(): void {
    for (const [number, { door, ways }] of this.#served) {
      if (ways.size === 0) continue
      const rules = door.rules()
      for (const place of ways.keys()) this.#threads[place]!.tell({ kind: 'rules', door: number, rules })
    }
  }

  /** What a thread has answered. */
  opened(place: number, number: number, watched: boolean): void {
    const served = this.#served.get(number)
    const way = served?.ways.get(place)
    if (served && way) {
      if (!watched) this.#end(number, served, place)
      else {
        const isFirst = !accepts(served)
        way.accepts = true
        if (isFirst) this.#leave(number, served)
      }
    } else if (!watched) this.#close(place, number) // it was told to shut it meanwhile, and has nothing to shut
    this.#onAnswer()
  }

  /** The thread is gone. Where others take the same clients they go on. */
  lost(place: number): void {
    for (const [number, served] of this.#served) this.#end(number, served, place)
    for (const thread of this.#threads) if (thread.usable) thread.tell({ kind: 'look' })
    this.#onAnswer()
  }

  #lend(number: number, served: Served): void {
    const { door, ways } = served
    const rules = door.rules()
    const descriptor = door.listener.lend()
    served.isLent = true
    if (descriptor === undefined) return void this.#served.delete(number)
    for (const [place, thread] of this.#threads.entries()) {
      if (!thread.usable || (rules.captured && place !== CAPTURED_AT)) continue
      const own = duplicate(descriptor)
      if (own < 0) continue
      ways.set(place, { accepts: false })
      thread.listening[number] = own
      thread.tell({ kind: 'open', door: number, descriptor: own, rules })
    }
    if (ways.size > 0) return
    this.#served.delete(number)
    door.listener.keep()
  }

  /** They take its clients from here on. */
  #leave(number: number, served: Served): void {
    const connections = this.#connections
    served.door.listener.leaveTo({
      get connections() {
        return Math.max(0, Atomics.load(connections, number * 2))
      },
      holds: (count) => Atomics.store(connections, number * 2 + 1, count),
      shut: () => this.#shut(number, served),
    })
  }

  /** No thread takes its clients any more. Their descriptors are theirs to close. */
  #shut(number: number, { ways }: Served): void {
    for (const place of ways.keys()) this.#threads[place]!.tell({ kind: 'shut', door: number })
    ways.clear()
  }

  /** A thread takes no clients of a door any more, and has not been told so. */
  #end(number: number, served: Served, place: number): void {
    const { door, ways } = served
    if (!ways.has(place)) return
    const wasLeft = accepts(served)
    ways.delete(place)
    if (wasLeft ? accepts(served) : ways.size > 0) {
      this.#close(place, number)
      return
    }
    // Others may have been told, and not have answered yet.
    this.#shut(number, served)
    if (wasLeft) return void door.listener.takeBack(this.#takeFrom(place, number))
    this.#close(place, number)
    door.listener.keep()
  }

  #close(place: number, number: number): void {
    const descriptor = this.#takeFrom(place, number)
    if (descriptor > 0) closeSync(descriptor)
  }

  /** The thread has it no longer, and will not close it. */
  #takeFrom(place: number, number: number): number {
    return Atomics.exchange(this.#threads[place]!.listening, number, 0)
  }
}

function accepts({ ways }: Served): boolean {
  for (const way of ways.values()) if (way.accepts) return true
  return false
}
