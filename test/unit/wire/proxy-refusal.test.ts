import t from 'tap'
import { proxyRefusal } from '../../../src/wire/proxy-refusal.ts'

const rows: readonly [what: string, status: number, fields: readonly string[], said: string | undefined][] = [
  [
    'squid refuses',
    403,
    ['Server', 'squid/5.7', 'X-Squid-Error', 'ERR_ACCESS_DENIED 0'],
    '403 Reason; X-Squid-Error: ERR_ACCESS_DENIED 0',
  ],
  ['squid finds no name', 503, ['x-squid-error', 'ERR_DNS_FAIL 0'], '503 Reason; X-Squid-Error: ERR_DNS_FAIL 0'],
  ['tinyproxy refuses', 403, ['Server', 'tinyproxy/1.11.1'], '403 Reason'],
  ['tinyproxy wants a password', 401, ['Server', 'tinyproxy/1.11.1'], '401 Reason'],
  [
    'RFC 9209',
    502,
    ['Proxy-Status', 'edge.example; error=connection_refused'],
    '502 Reason; Proxy-Status: edge.example; error=connection_refused',
  ],
  ['RFC 9209 without an error', 502, ['Proxy-Status', 'edge.example; next-hop=a'], undefined],
  [
    'an origin refuses, behind squid',
    403,
    ['Server', 'nginx', 'Via', '1.1 squid (squid/5.7)', 'X-Cache', 'MISS from squid'],
    undefined,
  ],
  ['an origin is missing a page', 404, [], undefined],
  ['an answer that is none of it', 200, ['X-Squid-Error', 'ERR_NONE'], undefined],
  ['control characters are not repeated', 403, ['X-Squid-Error', 'a\u001b[31mb'], '403 Reason; X-Squid-Error: a [31mb'],
]

for (const [what, status, fields, said] of rows) {
  t.equal(proxyRefusal(status, 'Reason', fields), said, what)
}
