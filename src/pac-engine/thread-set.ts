import type { VmThread } from './vm-thread.ts'

/** The threads of one script: those that take whatever comes, and those for second turns. */
export class ThreadSet extends Set<VmThread> {
  /** That are not for second turns. */
  get first(): number {
    let first = 0
    for (const { second } of this) if (!second) first++
    return first
  }

  get second(): number {
    return this.size - this.first
  }

  /** That serve, or will as soon as they are loaded. */
  get free(): number {
    let free = 0
    for (const thread of this) if (!thread.second && thread.serves) free++
    return free
  }

  /** Whether one serves now. */
  get serves(): boolean {
    for (const { second, ready, serves } of this) if (!second && ready && serves) return true
    return false
  }

  /** The one that has least to do, and how many could take more: with `ahead`, also while they work. */
  idlest(ahead: boolean): { thread: VmThread | undefined; takers: number } {
    let thread: VmThread | undefined
    let takers = 0
    for (const one of this) {
      if (one.second || !one.takesMore(ahead)) continue
      takers++
      if (!thread || one.batches < thread.batches) thread = one
    }
    return { thread, takers }
  }
}
