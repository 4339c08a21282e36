import t from 'tap'
import { EngineError } from '../../../src/engine/engine-error.ts'
import { JsonPicker, type Kept } from '../../../src/engine/json-picker.ts'

const pick = (json: string, kept: Kept = 'all', { piece = json.length || 1, depth = 64, most = 1 << 24 } = {}) => {
  const picker = new JsonPicker(kept, { depth, kept: most })
  const bytes = Buffer.from(json)
  for (let at = 0; at < bytes.length; at += piece) picker.push(bytes.subarray(at, at + piece))
  return picker.finish()
}

const VALUES = [
  ...[1, -1.5e300, true, false, null, '', 'é"\\\n😀', [], {}, [[]], [{}], { a: {} }, { '': '' }],
  ...[[1, 'two', [3, { four: [5] }], null], { a: [{ b: 'c' }, {}], 'd"': { e: null } }],
]

t.test('all is kept as it is, in whatever pieces it comes', async (t) => {
  for (const value of VALUES) {
    for (const piece of [1, 2, 3, 1000]) t.same(pick(JSON.stringify(value), 'all', { piece }), value)
    t.same(pick(JSON.stringify(value, null, 2)), value)
  }
})

t.test('members that nobody asked for leave no trace', async (t) => {
  const kept: Kept = { id: 'all', net: { mode: 'all' } }
  for (const junk of VALUES) {
    const entry = { x: junk, id: junk, y: junk, net: { z: junk, mode: junk, w: junk }, v: junk }
    for (const piece of [1, 1000])
      t.same(pick(JSON.stringify([entry, junk, entry]), kept, { piece }), [
        { id: junk, net: { mode: junk } },
        picked(junk),
        { id: junk, net: { mode: junk } },
      ])
  }
  t.same(pick('{"\\u0069d":1,"x":2}', kept), { id: 1 }, 'a name may be escaped')
  t.same(pick('[{"x":1}]', kept), [{}])
})

/** What is left of a value of which no member is asked for. */
function picked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(picked)
  return typeof value === 'object' && value !== null ? {} : value
}

t.test('labels: one too long is known by name, and of too many it is known that there are more', async (t) => {
  t.same(pick('{"a":"1","b":"2"}', 'labels'), { a: '1', b: '2' })
  const long = 'x'.repeat(30_000)
  t.same(pick(JSON.stringify({ a: long, b: '2', c: long }), 'labels', { piece: 7 }), { a: null, b: '2', c: null })
  t.same(pick(JSON.stringify({ a: [long, { b: long }], b: '2' }), 'labels'), { a: null, b: '2' })
  t.same(pick(JSON.stringify({ [long]: '1', b: '2' }), 'labels'), { b: '2', '': null })
  t.same(pick(JSON.stringify({ [long]: '1' }), 'labels'), { '': null })
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`label-${at}`, 'x'.repeat(50)]))
  const kept = pick(JSON.stringify({ ...many, 'com.docker.compose.service': 'web' }), 'labels') as object
  t.match(kept, { 'label-0': /x/, 'com.docker.compose.service': 'web', '': null })
  t.ok(JSON.stringify(kept).length < 140_000)
  t.notOk('label-9999' in kept)
})

t.test('the labels of all have a limit together', async (t) => {
  const labels = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`label-${at}`, 'x'.repeat(4000)]))
  const one = JSON.stringify({ Labels: { ...labels, 'com.docker.compose.project': 'shop' } })
  const picker = new JsonPicker({ Labels: 'labels' }, { depth: 9, kept: 1 << 25 })
  picker.push(Buffer.from(`[${one}`))
  for (let count = 0; count < 400; count += 1) picker.push(Buffer.from(`,${one}`))
  picker.push(Buffer.from(']'))
  const all = picker.finish() as { Labels: Record<string, string | null> }[]
  t.equal(all.length, 401)
  t.notOk('' in all[0]!.Labels)
  t.match(all[400]?.Labels, { 'com.docker.compose.project': 'shop', '': null })
  t.ok(JSON.stringify(all).length < 17 * 1024 * 1024)
})

t.test('limits, and what is no JSON', async (t) => {
  t.throws(() => pick('[[[]]]', 'all', { depth: 2 }), EngineError)
  t.throws(() => pick('{"x":[[[]]]}', {}, { depth: 3 }), EngineError, 'also where nothing is kept')
  t.same(pick('["[[[[{{{{"]', 'all', { depth: 1 }), ['[[[[{{{{'])
  t.throws(() => pick(JSON.stringify('x'.repeat(100)), 'all', { most: 50 }), /larger than 50 bytes/)
  t.same(pick(JSON.stringify({ x: 'x'.repeat(100), a: 1 }), { a: 'all' }, { most: 50 }), { a: 1 })
  for (const text of ['', '[', '{"a":1', '"a', '{"x":[', ']', '[1}', '{"a":}', '1 2', '<html>', '[,]'])
    t.throws(() => pick(text), SyntaxError, text)
})
