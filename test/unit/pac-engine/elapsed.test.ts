import { uptime } from 'node:os'
import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { elapsed, withElapsed } from '../../../src/pac-engine/elapsed.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

t.test(
  'the system’s clock is given what goes on in sleep, also where it is named; another is left alone',
  async (t) => {
    for (const clock of [withElapsed(), withElapsed(systemClock)]) {
      const before = uptime() * 1_000
      const now = elapsed(clock)
      t.ok(now >= before - 1_000 && now <= uptime() * 1_000 + 1_000, 'as long as the machine runs')
    }
    const other = manualClock(5)
    t.equal(elapsed(withElapsed(other)), 5)
  },
)
