import t from 'tap'
import {
  connectionOptions,
  endToEndFields,
  fieldValues,
  listMembers,
  nominatedForRemoval,
  safeTrailers,
  withoutField,
} from '../../../src/wire/http-fields.ts'

t.test('values of a field in any case, in order', async (t) => {
  const fields = ['Via', '1', 'vIA', '2', 'Viaduct', '3', 'X', 'via']
  t.same(fieldValues(fields, 'via'), ['1', '2'])
  t.same(fieldValues(fields, 'host'), [])
})

t.test('list members', async (t) => {
  t.same(listMembers(['a, B ,,c', '', ' D']), ['a', 'b', 'c', 'd'])
  t.same(connectionOptions(['Connection', 'close', 'connection', 'X-A, Upgrade']), ['close', 'x-a', 'upgrade'])
})

t.test('what Connection may not nominate', async (t) => {
  for (const name of ['host', 'content-length', 'transfer-encoding', 'authorization', 'cookie', 'via', 'set-cookie']) {
    t.equal(nominatedForRemoval(['close', name]), name)
  }
  for (const name of ['close', 'keep-alive', 'upgrade', 'te', 'x-custom', 'http2-settings']) {
    t.equal(nominatedForRemoval([name]), undefined, name)
  }
})

t.test('end-to-end fields keep order, case and repetition', async (t) => {
  const fields = [
    'A',
    '1',
    'Connection',
    'x-hop',
    'X-Hop',
    '2',
    'a',
    '3',
    'TE',
    'trailers',
    'Keep-Alive',
    '5',
    'Upgrade',
    'x',
  ]
  t.same(endToEndFields(fields, ['x-hop']), ['A', '1', 'a', '3'])
  const proxy = [
    'Proxy-Connection',
    'Proxy-Authorization',
    'Proxy-Authenticate',
    'Proxy-Authentication-Info',
    'Transfer-Encoding',
  ]
  t.same(
    endToEndFields(
      proxy.flatMap((name) => [name, 'x']),
      [],
    ),
    [],
  )
})

t.test('trailers that frame, route, authenticate or control are dropped', async (t) => {
  const names = [
    'X-Sum',
    'Content-Length',
    'transfer-encoding',
    'Host',
    'Authorization',
    'Set-Cookie',
    'Trailer',
    'TE',
    'Server-Timing',
  ]
  t.same(safeTrailers(names.flatMap((name) => [name, '1'])), ['X-Sum', '1', 'Server-Timing', '1'])
  t.same(withoutField(['A', '1', 'b', '2', 'a', '3'], 'a'), ['b', '2'])
})
