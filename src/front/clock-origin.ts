/** Whoever is interrupted between two readings has them too far apart; not so each time. */
const READINGS = 8

/**
 * Where a clock of milliseconds has its zero on the clock that all threads share. The difference of two threads' origins turns the times of one into
 * those of the other, however long a message was on its way.
 */
export function clockOrigin(now: () => number, shared = () => Number(process.hrtime.bigint()) / 1e6): number {
  let origin = Number.NEGATIVE_INFINITY
  // The shared clock is read first: what passes in between makes the origin earlier than it is.
  for (let reading = 0; reading < READINGS; reading += 1) origin = Math.max(origin, shared() - now())
  return origin
}
