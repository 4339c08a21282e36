import t from 'tap'
import { formatByteSize, parseByteSize } from '../../../../src/settings/values/byte-size.ts'
import { reads, refuses } from '../../../fixtures/settings/value-table.ts'

const range = { min: 1024, max: 1024 * 1024 }
reads('size', (value) => parseByteSize(value, range), [
  ['64KiB', 65_536],
  ['64kib', 65_536],
  ['1MiB', 1_048_576],
  ['2048B', 2048],
  ['2048', 2048],
  [4096, 4096],
])
refuses('size', (value) => parseByteSize(value, range), [
  ['', 'is not a size'],
  ['64KB', 'is not a size'],
  ['64 KiB', 'is not a size'],
  ['1.5MiB', 'is not a size'],
  ['-1', 'is not a size'],
  [1.5, 'is not a size'],
  [Number.NaN, 'is not a size'],
  [true, 'true is not a size'],
  [1023, 'from 1KiB to 1MiB'],
  ['2MiB', 'from 1KiB to 1MiB'],
])

t.test('formatted with the largest unit that divides it', async (t) => {
  t.equal(formatByteSize(65_536), '64KiB')
  t.equal(formatByteSize(1_048_576), '1MiB')
  t.equal(formatByteSize(1025), '1025B')
})
