export interface FairQueueOptions {
  /** Bytes that wait at most, over all clients; beyond them whoever has most of it loses its oldest. */
  readonly maxBytes: number
  /** Milliseconds after which a datagram is not worth carrying any more: whoever has sent it has sent another, or given up. */
  readonly maxAgeMs: number
}

interface Waiting<T> {
  readonly item: T
  readonly bytes: number
  readonly at: number
}

interface Line<T> {
  readonly waiting: Waiting<T>[]
  /** How many at its beginning have gone. */
  gone: number
  bytes: number
}

/** Those gone that a line keeps at its beginning before it is made anew. */
const MAX_GONE = 64

/**
 * What waits for a thread that is busy: one datagram of each client in turn, so that one that sends thousands a second waits behind itself and nobody
 * else does. Its own loss is the oldest, for the newest is the one that is still waited for.
 */
export class FairQueue<T> {
  readonly #options: FairQueueOptions
  /** By client, whose turn comes first. None is empty. */
  readonly #lines = new Map<string, Line<T>>()
  #bytes = 0
  #lost = 0

  constructor(options: FairQueueOptions) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#lines.size === 0
  }

  /** `bytes`: what it counts for. `now`: monotonic ms, as for `take`. */
  push(client: string, item: T, bytes: number, now: number): void {
    const line = this.#lines.get(client) ?? this.#newLine(client)
    line.waiting.push({ item, bytes, at: now })
    line.bytes += bytes
    this.#bytes += bytes
    while (this.#bytes > this.#options.maxBytes) {
      // Who has more than all others have on average need not be looked for.
      const isGreedy = line.bytes * this.#lines.size > this.#bytes
      const [loser, its] = isGreedy ? ([client, line] as const) : this.#longest()
      this.#shift(loser, its)
      this.#lost += 1
    }
  }

  /** The next ones, as long as they count for less than `bytes` together; always one if any is there. */
  take(bytes: number, now: number): T[] {
    const taken: T[] = []
    let left = bytes
    for (const [client, line] of this.#lines) {
      if (left <= 0) break
      // Round and round: whoever is asked goes to the end, where the loop meets it again.
      this.#lines.delete(client)
      const next = this.#nextOf(line, now)
      if (line.gone < line.waiting.length) this.#lines.set(client, line)
      if (!next) continue
      taken.push(next.item)
      left -= next.bytes
    }
    return taken
  }

  /** Datagrams lost since it was last asked. */
  lost(): number {
    const lost = this.#lost
    this.#lost = 0
    return lost
  }

  #newLine(client: string): Line<T> {
    const line: Line<T> = { waiting: [], gone: 0, bytes: 0 }
    this.#lines.set(client, line)
    return line
  }

  /** The first that is not too old. */
  #nextOf(line: Line<T>, now: number): Waiting<T> | undefined {
    for (;;) {
      const first = this.#first(line)
      if (!first || now - first.at <= this.#options.maxAgeMs) return first
      this.#lost += 1
    }
  }

  #first(line: Line<T>): Waiting<T> | undefined {
    const first = line.waiting[line.gone]
    if (!first) return undefined
    line.gone += 1
    line.bytes -= first.bytes
    this.#bytes -= first.bytes
    if (line.gone >= MAX_GONE && line.gone * 2 > line.waiting.length) {
      line.waiting.splice(0, line.gone)
      line.gone = 0
    }
    return first
  }

  #shift(client: string, line: Line<T>): void {
    this.#first(line)
    if (line.gone === line.waiting.length) this.#lines.delete(client)
  }

  #longest(): readonly [string, Line<T>] {
    let longest: readonly [string, Line<T>] | undefined
    for (const entry of this.#lines) if (!longest || entry[1].bytes > longest[1].bytes) longest = entry
    return longest!
  }
}
