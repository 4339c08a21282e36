/** What a VM says, and asks, while it evaluates. */
export interface VmEvents {
  /** The query with this index begins. */
  readonly turn?: (index: number) => void
  /** The one that runs has run for `slowMs`. Once for each. */
  readonly slow?: () => void
  /** Whether the one that runs, and has run for so many milliseconds, is to end before its time. */
  readonly makeWay?: (ms: number) => boolean
  /** Whether others wait for the end of the one that runs, so that it gains little by having had no processor. */
  readonly hurried?: () => boolean
  /** The VM is made, and the script's global code begins. */
  readonly loads?: () => void
}
