import type { Results } from './report/report.ts'
import { summarize } from './statistics.ts'

/** What the short form measures. */
export const GUARDED = ['down-4', 'connects', 'turns', 'requests']
export const GUARDED_PEERS = ['fairlead', 'bare Node pipe', 'proxy-chain']

interface Bound {
  readonly metric: string
  readonly row: string
  readonly against: string
  /** Most that `row` may be of `against`, both medians of this run. */
  readonly ratio: number
}

/**
 * Set at about twice what a quiet machine shows (docs/performance.md), for a busy one must not fail a change that did nothing; only costs
 * in CPU time and medians, which other people's load moves least.
 */
const BOUNDS: readonly Bound[] = [
  { metric: 'cpu-down-4', row: 'fairlead, HTTP', against: 'bare Node pipe', ratio: 0.9 },
  { metric: 'cpu-down-4', row: 'fairlead, SOCKS5', against: 'bare Node pipe', ratio: 0.9 },
  { metric: 'cpu-connect', row: 'fairlead, HTTP', against: 'bare Node pipe', ratio: 5 },
  { metric: 'cpu-connect', row: 'fairlead, SOCKS5', against: 'bare Node pipe', ratio: 4 },
  { metric: 'turn-p50', row: 'fairlead, HTTP', against: 'bare Node pipe', ratio: 3 },
  { metric: 'cpu-request', row: 'fairlead, HTTP', against: 'proxy-chain as it comes', ratio: 3 },
]

/** True if every bound holds; says which do not. */
export function guard(results: Results): boolean {
  const median = (id: string, row: string): number => {
    const [, rows] = [...results].find(([metric]) => metric.id === id) ?? []
    return summarize(rows?.get(row) ?? []).median
  }
  const broken = BOUNDS.filter(({ metric, row, against, ratio }) => {
    const found = median(metric, row) / median(metric, against)
    const holds = found <= ratio // false for what was not measured, too
    console.error(
      `${holds ? 'ok    ' : 'BROKEN'} ${metric}: ${row} is ${found.toFixed(2)} × ${against}, at most ${ratio}`,
    )
    return !holds
  })
  return broken.length === 0
}
