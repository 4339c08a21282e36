import t from 'tap'
import { checkInterim, checkResponse } from '../../../src/wire/http-response-head.ts'

const head = (status: number, fields: string[], more: object = {}) => ({
  ...{ status, reason: 'OK', httpMajor: 1, httpMinor: 1, fields },
  ...more,
})

t.test('what passes, and how', async (t) => {
  t.same(checkResponse(head(200, ['A', '1', 'Connection', 'close', 'Content-Length', '2']), 'GET', 'me'), {
    status: 200,
    reason: 'OK',
    framing: { kind: 'length', length: 2 },
    fields: ['A', '1', 'Content-Length', '2', 'Via', '1.1 me'],
  })
  t.match(checkResponse(head(204, ['Content-Length', '0']), 'GET', 'me'), { fields: ['Via', '1.1 me'] })
  t.match(checkResponse(head(200, ['Trailer', 'X', 'Content-Length', '2']), 'GET', 'me'), {
    fields: ['Content-Length', '2', 'Via', '1.1 me'],
  })
  t.match(checkResponse(head(200, ['Trailer', 'X', 'Transfer-Encoding', 'chunked']), 'GET', 'me'), {
    fields: ['Trailer', 'X', 'Via', '1.1 me'],
  })
  t.match(checkResponse(head(299, [], { reason: '', httpMinor: 0 }), 'GET', 'me'), {
    reason: '',
    fields: ['Via', '1.0 me'],
  })
  t.match(checkResponse(head(999, []), 'GET', 'me'), { status: 999 })
})

t.test('what does not', async (t) => {
  const rows: ReadonlyArray<readonly [status: number, fields: string[], more: object, fault: RegExp]> = [
    [200, [], { httpMajor: 2, httpMinor: 0 }, /HTTP\/2\.0/],
    [101, [], {}, /status 101/],
    [199, [], {}, /status 199/],
    [99, [], {}, /status 99/],
    [0, [], {}, /status 0/],
    [200, [], { reason: 'a\rb' }, /control character/],
    [200, [], { reason: 'a\x7fb' }, /control character/],
    [200, ['Connection', 'Set-Cookie'], {}, /set-cookie/],
    [200, ['Transfer-Encoding', 'gzip'], {}, /Transfer-Encoding/],
    [200, Array.from({ length: 2002 }, () => 'a'), {}, /1000 fields/],
  ]
  for (const [status, fields, more, fault] of rows)
    t.match(checkResponse(head(status, fields, more), 'GET', 'me'), fault)
})

t.test('interim responses have no framing and no HTTP/1.0', async (t) => {
  t.same(checkInterim(head(103, ['Link', '<a>', 'Connection', 'x']), 'me'), ['Link', '<a>', 'Via', '1.1 me'])
  t.match(checkInterim(head(103, ['Content-Length', '0']), 'me'), /Content-Length/)
  t.match(checkInterim(head(103, ['Transfer-Encoding', 'chunked']), 'me'), /Transfer-Encoding/)
  t.match(checkInterim(head(100, [], { httpMinor: 0 }), 'me'), /version/)
})
