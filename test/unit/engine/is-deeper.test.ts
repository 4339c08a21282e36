import t from 'tap'
import { isDeeper } from '../../../src/engine/is-deeper.ts'

const deeper = (json: string, levels: number) => isDeeper(Buffer.from(json), levels)

t.test('levels of arrays and objects are counted, those that stand side by side once', async (t) => {
  t.equal(deeper('1', 0), false)
  t.equal(deeper('[1]', 0), true)
  t.equal(deeper('{"a":[{"b":[]}]}', 4), false)
  t.equal(deeper('{"a":[{"b":[]}]}', 3), true)
  t.equal(deeper(`[${Array(1000).fill('[{}]').join(',')}]`, 3), false)
})

t.test('what stands in a string is no bracket', async (t) => {
  t.equal(deeper('["[[[[", "{{{{", "\\"[[[[", "\\\\"]', 1), false)
  t.equal(deeper('["\\\\", [[]]]', 2), true)
  t.equal(deeper('["é[", "[\\u005b"]', 1), false)
})

t.test('what is no JSON has an end all the same', async (t) => {
  t.equal(deeper('', 0), false)
  t.equal(deeper(']]]]', 0), false)
  t.equal(deeper('"never closed [[[', 0), false)
  t.equal(deeper('"\\', 0), false)
})
