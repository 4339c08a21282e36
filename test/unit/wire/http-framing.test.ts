import t from 'tap'
import { requestFraming, responseFraming } from '../../../src/wire/http-framing.ts'

const CHUNKED = ['Transfer-Encoding', 'chunked']
const none = { kind: 'none' }
const chunked = { kind: 'chunked' }
const untilClose = { kind: 'until-close' }
const length = (bytes: number) => ({ kind: 'length', length: bytes })

t.test('requests', async (t) => {
  const rows: ReadonlyArray<readonly [fields: string[], minor: number, framing: unknown]> = [
    [[], 1, none],
    [[], 0, none],
    [['Content-Length', '0'], 1, length(0)],
    [['content-LENGTH', '12'], 0, length(12)],
    [['Content-Length', '007'], 1, length(7)],
    [CHUNKED, 1, chunked],
    [['transfer-encoding', 'ChunKed'], 1, chunked],
    [CHUNKED, 0, /HTTP\/1\.0/],
    [[...CHUNKED, 'Content-Length', '0'], 1, /both/],
    [[...CHUNKED, ...CHUNKED], 1, /more than one/],
    [['Transfer-Encoding', ''], 1, /other than/],
    [['Transfer-Encoding', 'gzip, chunked'], 1, /other than/],
    [['Transfer-Encoding', 'chunked;q=1'], 1, /other than/],
    [['Transfer-Encoding', 'identity'], 1, /other than/],
    [['Content-Length', '1', 'Content-Length', '1'], 1, /more than one/],
    [['Content-Length', ''], 1, /decimal/],
    [['Content-Length', '1,1'], 1, /decimal/],
    [['Content-Length', '+1'], 1, /decimal/],
    [['Content-Length', '-0'], 1, /decimal/],
    [['Content-Length', '1.0'], 1, /decimal/],
    [['Content-Length', '0x1'], 1, /decimal/],
    [['Content-Length', '1e3'], 1, /decimal/],
    [['Content-Length', '١'], 1, /decimal/],
    [['Content-Length', '9007199254740991'], 1, length(9007199254740991)],
    [['Content-Length', '9007199254740992'], 1, /range/],
    [['Content-Length', '18446744073709551616'], 1, /decimal/],
  ]
  for (const [fields, minor, framing] of rows) t.match(requestFraming(fields, minor), framing, JSON.stringify(fields))
})

t.test('responses', async (t) => {
  const rows: ReadonlyArray<
    readonly [method: string, status: number, fields: string[], minor: number, framing: unknown]
  > = [
    ['GET', 200, [], 1, untilClose],
    ['GET', 200, [], 0, untilClose],
    ['GET', 200, ['Content-Length', '3'], 1, length(3)],
    ['GET', 200, CHUNKED, 1, chunked],
    ['GET', 200, CHUNKED, 0, /HTTP\/1\.0/],
    ['GET', 200, [...CHUNKED, 'Content-Length', '3'], 1, /both/],
    ['HEAD', 200, [], 1, none],
    ['HEAD', 200, ['Content-Length', '3'], 1, none],
    ['HEAD', 200, CHUNKED, 1, none],
    ['HEAD', 200, ['Content-Length', 'x'], 1, /decimal/],
    ['GET', 204, [], 1, none],
    ['GET', 204, ['Content-Length', '0'], 1, none],
    ['GET', 204, ['Content-Length', '3'], 1, /204/],
    ['GET', 204, CHUNKED, 1, /204/],
    ['GET', 304, [], 1, none],
    ['GET', 304, ['Content-Length', '3'], 1, none],
    ['GET', 304, CHUNKED, 1, none],
    ['GET', 205, ['Content-Length', '0'], 1, length(0)],
    ['POST', 500, ['Content-Length', '3'], 1, length(3)],
  ]
  for (const [method, status, fields, minor, framing] of rows) {
    t.match(responseFraming(fields, minor, method, status), framing, `${method} ${status} ${JSON.stringify(fields)}`)
  }
})
