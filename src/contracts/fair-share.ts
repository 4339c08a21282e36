/**
 * Whether one client may have `own` of `limit` places of which all clients have `taken`, the place that is asked for counted in both: not more than are
 * left free after it, but for one. So one client alone gets half of them, two get a third each, and as much is left for the next one.
 */
export function isFairShare(own: number, taken: number, limit: number): boolean {
  return own + taken <= limit + 1
}
