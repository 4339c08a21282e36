import type { Clock } from '../contracts/clock.ts'
import type { NetworkWatch } from '../contracts/network-watch.ts'
import { type NetworkState, readNetworkState } from './network-state.ts'

/** Milliseconds between two looks. Netlink would tell at once, but Node cannot listen to it; half a wake-up a second costs nothing that can be measured. */
const LOOK_MS = 2_000
/**
 * A network comes up in steps (address, route, DNS servers): after a change it is looked again this soon, milliseconds, until two looks are the same,
 * but not more often than `SETTLING_LOOKS` times. A network that never settles is told about every 2 s at most.
 */
const SETTLE_MS = 200
const SETTLING_LOOKS = 5
/** Entries shown of each part in the log. */
const SHOWN = 6

export interface NetworkWatchOptions {
  readonly clock: Clock
  readonly read?: () => NetworkState
  /** What has changed, for the log: one line for each change. */
  readonly changed?: (what: string) => void
}

/** Begins to look at once. */
export function createNetworkWatch(options: NetworkWatchOptions): NetworkWatch {
  const { clock, read = readNetworkState, changed = () => {} } = options
  const listeners = new Set<() => void>()
  /** What listeners know of. */
  let told = read()
  let cancel = clock.after(LOOK_MS, look)

  /** What cannot be read, as where descriptors have run out, is no change. */
  function readAgain(before: NetworkState): NetworkState {
    try {
      return read()
    } catch {
      return before
    }
  }

  function look(): void {
    const seen = readAgain(told)
    if (same(seen, told)) cancel = clock.after(LOOK_MS, look)
    else cancel = clock.after(SETTLE_MS, () => settle(seen, SETTLING_LOOKS))
  }

  function settle(before: NetworkState, looksLeft: number): void {
    const seen = readAgain(before)
    if (looksLeft > 1 && !same(seen, before)) {
      cancel = clock.after(SETTLE_MS, () => settle(seen, looksLeft - 1))
      return
    }
    // First: a listener that throws or closes the watch must find it in order.
    cancel = clock.after(LOOK_MS, look)
    // A network that has gone and come back is told of too: connections through it are dead.
    changed(differences(told, seen) || 'it went and came back')
    told = seen
    for (const listener of [...listeners]) listener()
  }

  return {
    onChange(listener) {
      // Its own function, so that the same listener can be there twice.
      const entry = () => listener()
      listeners.add(entry)
      return () => void listeners.delete(entry)
    },
    close() {
      cancel()
      listeners.clear()
    },
  }
}

/** For what lives too short to see a change, as one `explain` does. */
export const unchangingNetwork: NetworkWatch = { onChange: () => () => {}, close() {} }

const PARTS = ['addresses', 'routes', 'resolvers'] as const

function same(a: NetworkState, b: NetworkState): boolean {
  return PARTS.every((part) => a[part].length === b[part].length && a[part].every((one, i) => one === b[part][i]))
}

/** `+192.0.2.7/24 tun0, -default via 192.0.2.1 dev eth0`. */
function differences(before: NetworkState, after: NetworkState): string {
  const shown: string[] = []
  for (const part of PARTS) {
    const all = [
      ...after[part].filter((one) => !before[part].includes(one)).map((one) => `+${one}`),
      ...before[part].filter((one) => !after[part].includes(one)).map((one) => `-${one}`),
    ]
    shown.push(...all.slice(0, SHOWN))
    if (all.length > SHOWN) shown.push(`${all.length - SHOWN} more ${part}`)
    // The order of DNS servers matters too.
    if (all.length === 0 && !same({ ...before, [part]: after[part] }, before)) shown.push(`${part} in another order`)
  }
  return shown.join(', ')
}
