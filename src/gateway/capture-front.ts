import type { DoorContext } from '../contracts/door.ts'
import type { RouteQuery } from '../contracts/route.ts'
import type { CaptureDoor } from '../passthrough/capture-door.ts'
import type { CaptureListener } from '../passthrough/capture-listener.ts'
import type { SynQueue } from '../passthrough/hold/syn-queue.ts'
import type { Settings } from '../settings/settings.ts'
import { captureRules } from './front/door-rules.ts'
import type { DoorsFront } from './front/doors-front.ts'
import type { FrontedDoor } from './front/fronted-doors.ts'

/** What one version of the settings holds attempts with, and what its connections come in by. */
export interface OpenCapture {
  readonly listeners: readonly CaptureListener[]
  readonly queue: SynQueue | undefined
}

export interface CaptureFrontParts {
  /** Absent: the door serves itself. */
  readonly front: Pick<DoorsFront, 'serve' | 'hold' | 'renewRules'> | undefined
  readonly context: DoorContext
  readonly door: Pick<CaptureDoor, 'query'>
  /** With all that can be known of its client at once; undefined: more will be known in a moment. */
  identified(query: RouteQuery): RouteQuery | undefined
  maxConnections(): number
}

/** Has the thread in front of the doors take captured connections too, as far as it can: those that are held, and go out directly. */
export class CaptureFront {
  readonly #parts: CaptureFrontParts
  readonly #doors = new Map<CaptureListener, FrontedDoor>()
  #settings!: Settings
  #draining = false

  constructor(parts: CaptureFrontParts) {
    this.#parts = parts
  }

  /** These are open, by these settings. Without a queue nothing is held, and what is accepted first is the door's. */
  serve({ listeners, queue }: OpenCapture, settings: Settings): void {
    const { front, context } = this.#parts
    if (!front) return
    this.#settings = settings
    for (const listener of this.#doors.keys()) if (!listeners.includes(listener)) this.#doors.delete(listener)
    if (queue) {
      for (const listener of listeners) {
        if (this.#doors.has(listener)) continue
        const door = { listener, context, query: this.#query, rules: () => this.#rules }
        this.#doors.set(listener, door)
        front.serve(door)
      }
    }
    const doors = Object.fromEntries(listeners.map((listener) => [listener.family, this.#doors.get(listener)!]))
    front.hold(queue && { queue, mark: settings.capture.mark, doors })
    front.renewRules()
  }

  get #rules() {
    return captureRules(this.#settings, this.#parts.maxConnections(), this.#draining)
  }

  readonly #query: NonNullable<FrontedDoor['query']> = (dialled, client) => {
    const query = this.#parts.door.query(dialled, client)
    return query && this.#parts.identified(query)
  }

  /** Nothing is captured any more. */
  stop(): void {
    this.#doors.clear()
    this.#parts.front?.hold(undefined)
  }

  /** Whoever comes from here on is the door's to refuse. */
  drain(): void {
    this.#draining = true
    this.#parts.front?.renewRules()
  }
}
