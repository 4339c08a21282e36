import { z } from 'zod'
import { JsonPicker, type Kept, type PickLimits } from './json-picker.ts'

/** What is read of an event. With a container's come all of its labels, as much text as an image's author likes. */
const EVENT: Kept = { Type: 'all', Action: 'all', Actor: { ID: 'all', Attributes: 'labels' } }
const LIMITS: PickLimits = { depth: 16, kept: 256 * 1024 }
const END_OF_LINE = 0x0a

const text = z.string().min(1).optional().catch(undefined)

const eventSchema = z
  .object({
    Type: z.string(),
    Action: z.string(),
    Actor: z
      .object({ ID: z.string().optional(), Attributes: z.object({ container: text, network: text }).nullish() })
      .nullish(),
  })
  .transform(({ Type, Action, Actor }) => {
    // A container's attributes are its labels, too.
    const { container, network } = (Type === 'network' && Actor?.Attributes) || {}
    return {
      type: Type,
      action: Action,
      ...(Actor?.ID ? { id: Actor.ID } : {}),
      ...(container === undefined ? {} : { container }),
      ...(network === undefined ? {} : { network }),
    }
  })

/**
 * `id`: of what it happened to. `container`: of a network's event. `network`: of one of Podman's, where `id` is the container's and this the network's
 * name. `undefined`: something has happened, and what it says of it cannot be read.
 */
export type EngineEvent = z.output<typeof eventSchema> | undefined

/** Reads an engine's stream of events, one on each line, piece by piece. */
export class EventReader {
  #picker: JsonPicker | undefined
  #isUnreadable = false

  /** The events that end in this piece. */
  push(chunk: Buffer): EngineEvent[] {
    const events: EngineEvent[] = []
    let from = 0
    for (let end = chunk.indexOf(END_OF_LINE); end >= 0; end = chunk.indexOf(END_OF_LINE, from)) {
      this.#take(chunk.subarray(from, end))
      if (this.#picker) events.push(this.#finish(this.#picker))
      this.#picker = undefined
      this.#isUnreadable = false
      from = end + 1
    }
    this.#take(chunk.subarray(from))
    return events
  }

  #take(part: Buffer): void {
    if (this.#isUnreadable || (!this.#picker && part.every((octet) => octet <= 0x20))) return
    this.#picker ??= new JsonPicker(EVENT, LIMITS)
    try {
      this.#picker.push(part)
    } catch {
      this.#isUnreadable = true
    }
  }

  #finish(picker: JsonPicker): EngineEvent {
    try {
      return this.#isUnreadable ? undefined : eventSchema.safeParse(picker.finish()).data
    } catch {
      return undefined
    }
  }
}
