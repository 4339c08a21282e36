import { Opening, type OpeningOptions, type OpeningStep } from './opening.ts'

/** Bytes of what a client says at a time, to be kept: a head with few fields, or any message of SOCKS. */
const MAX_SAID = 1_024
/** Kept at once: bounds memory under clients of which each says something else. */
const MAX_KNOWN = 1_024
/** What is not kept, whether or not the door asks for it. */
const SECRET = /authorization/i

/** After some bytes of a client: what to do, and what followed when others went on. */
export interface Place {
  readonly step: OpeningStep
  readonly next: Map<string, Place> | undefined
}

/**
 * What clients of one door have said before, to the byte, and what came of it: the same bytes mean the same under the same rules, so clients that
 * say what others have said are not read again. Texts are bytes as Latin-1.
 */
export class KnownOpenings {
  readonly #options: OpeningOptions
  readonly #first = new Map<string, Place>()
  #count = 0

  constructor(options: OpeningOptions) {
    this.#options = options
  }

  /** After `chunk`, which came after `before`, which led to `place`; to nothing yet for the first. */
  hear(place: Place | undefined, before: string, chunk: string): Place {
    const next = place === undefined ? this.#first : place.next
    const known = next?.get(chunk)
    if (known) return known
    const opening = new Opening()
    if (before) opening.push(Buffer.from(before, 'latin1'), this.#options)
    const step = opening.push(Buffer.from(chunk, 'latin1'), this.#options)
    const keeps = next !== undefined && chunk.length <= MAX_SAID && isWhole(step) && !SECRET.test(chunk)
    const heard = { step, next: keeps && step.kind === 'more' ? new Map<string, Place>() : undefined }
    if (keeps) this.#keep(next, chunk, heard)
    return heard
  }

  #keep(among: Map<string, Place>, chunk: string, place: Place): void {
    if (this.#count >= MAX_KNOWN) {
      this.#first.clear()
      this.#count = 0
    }
    among.set(chunk, place)
    this.#count += 1
  }
}

/** Nothing that is for the target has come along. */
function isWhole(step: OpeningStep): boolean {
  return step.kind === 'more' || (step.kind === 'wish' && step.wish.rest.length === 0)
}
