import type { Counter } from 'prom-client'

/**
 * Counts for a counter of the registry, told to it only when somebody reads it: to look labels up there costs more than all else that is counted of
 * a flow. As many entries as there are combinations of labels, which are few by construction.
 */
export class Tally<Label extends string> {
  readonly #counts = new Map<string, { readonly labels: Record<Label, string>; count: number }>()

  /** `key` stands for the labels. */
  add(key: string, labels: Record<Label, string>, by: number): void {
    const known = this.#counts.get(key)
    if (known) known.count += by
    else this.#counts.set(key, { labels, count: by })
  }

  tell(counter: Counter<Label>): void {
    for (const entry of this.#counts.values()) {
      if (entry.count > 0) counter.inc(entry.labels, entry.count)
      entry.count = 0
    }
  }
}
