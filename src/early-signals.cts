/**
 * Reading what the program is made of is most of a start, and a signal that comes meanwhile must not end it. `cli/signals.ts` asks for those that have come,
 * by an event of this name, and has all signals to itself from then on.
 */
const TAKE = 'fairlead:signals' as 'exit'
const NAMES = ['SIGHUP', 'SIGTERM', 'SIGINT'] as const

if (process.argv[2] === 'start') {
  const kept: string[] = []
  const keep = (name: string) => void kept.push(name)
  for (const name of NAMES) process.on(name, keep)
  // Unheard, it would open Node's debugger.
  process.on('SIGUSR1', () => {})
  process.once(TAKE, (take: unknown) => {
    for (const name of NAMES) process.off(name, keep)
    ;(take as (names: readonly string[]) => void)(kept)
  })
}
