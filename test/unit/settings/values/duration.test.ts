import t from 'tap'
import { formatDuration, parseDuration } from '../../../../src/settings/values/duration.ts'
import { reads, refuses } from '../../../fixtures/settings/value-table.ts'

const any = { min: 0, max: 10 * 86_400_000 }
reads('duration', (value) => parseDuration(value, any), [
  ['500ms', 500],
  ['30s', 30_000],
  ['1m', 60_000],
  ['1h', 3_600_000],
  ['2d', 172_800_000],
  ['1h30m', 5_400_000],
  ['1m1s1ms', 61_001],
  ['1.5s', 1500],
  ['0.25h', 900_000],
  ['0s', 0],
  [1500, 1500],
  [0, 0],
])
reads('duration with off', (value) => parseDuration(value, { min: 1000, max: 5000, off: true }), [
  ['off', 0],
  ['1s', 1000],
  ['5s', 5000],
])
refuses('duration', (value) => parseDuration(value, { min: 1000, max: 60_000 }), [
  ['', 'is not a duration'],
  ['30', 'is not a duration'],
  ['30 s', 'is not a duration'],
  ['s', 'is not a duration'],
  ['-5s', 'is not a duration'],
  ['5S', 'is not a duration'],
  ['5sec', 'is not a duration'],
  ['3parsecs', 'is not a duration'],
  ['1e3s', 'is not a duration'],
  ['off', 'is not a duration'],
  ['999999999999999999999999s', 'is not a duration'],
  [true, 'is not a duration'],
  [null, 'no value is not a duration'],
  [['1s'], 'a list is not a duration'],
  [Number.NaN, 'is not a duration'],
  [Number.POSITIVE_INFINITY, 'is not a duration'],
  [-1, 'from 1s to 1m'],
  [999, 'from 1s to 1m'],
  ['61s', 'from 1s to 1m'],
])

t.test('what is formatted reads back', async (t) => {
  for (const ms of [1, 999, 1000, 61_001, 5_400_000, 86_400_000]) t.equal(parseDuration(formatDuration(ms), any), ms)
})
