/**
 * Where a clock of milliseconds has its zero on the clock that all threads share. The difference of two threads' origins turns the times of one into
 * those of the other, however long a message was on its way.
 */
export function clockOrigin(now: () => number): number {
  return Number(process.hrtime.bigint()) / 1e6 - now()
}
