import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Hop, HopKind } from '../../../src/contracts/route.ts'
import type { Target } from '../../../src/contracts/target.ts'
import { chain } from '../../../src/dialers/chain.ts'
import { failure, nothingOpen } from '../../contract/stream-dialer.ts'
import { readAll, readExactly } from '../../fixtures/reading.ts'
import { type Listening, listen } from '../../fixtures/upstreams/listen.ts'
import { startEcho, startGarbage } from '../../fixtures/upstreams/origins.ts'
import { type SocksProxyOptions, startSocksProxy } from '../../fixtures/upstreams/socks-proxy.ts'
import { credentials, directDialer, hopOptions, hopTo } from '../../fixtures/ways.ts'

const NAME: Target = { host: 'registry.example', family: 0, port: 443 }
const IPV4: Target = { host: '192.0.2.7', family: 4, port: 80 }
const IPV6: Target = { host: '2001:db8::7', family: 6, port: 8080 }

async function dialThrough(hop: Hop, target = NAME, handshakeMs = 5000) {
  const options = await hopOptions({
    handshakeMs,
    resolver: {
      resolve: async () => [
        { address: '2001:db8::9', family: 6 },
        { address: '192.0.2.9', family: 4 },
      ],
    },
  })
  return chain([hop], directDialer(options), options).dial(target, { signal: new AbortController().signal })
}

/** Kind of hop, whether it is told to resolve here, what is asked for, and what the proxy then sees. */
const REQUESTS: readonly [
  kind: HopKind,
  local: boolean,
  target: Target,
  seen: object | 'ADDRESS_TYPE_NOT_SUPPORTED',
][] = [
  ['socks5', false, NAME, { version: 5, form: 'name', host: 'registry.example', port: 443 }],
  ['socks5h', false, NAME, { version: 5, form: 'name', host: 'registry.example', port: 443 }],
  ['socks5', true, NAME, { version: 5, form: 'ipv6', host: '2001:db8:0:0:0:0:0:9', port: 443 }],
  ['socks5', false, IPV4, { version: 5, form: 'ipv4', host: '192.0.2.7', port: 80 }],
  ['socks5', false, IPV6, { version: 5, form: 'ipv6', host: '2001:db8:0:0:0:0:0:7', port: 8080 }],
  ['socks4', false, NAME, { version: 4, form: 'ipv4', host: '192.0.2.9', port: 443 }],
  ['socks4', false, IPV4, { version: 4, form: 'ipv4', host: '192.0.2.7', port: 80 }],
  ['socks4', false, IPV6, 'ADDRESS_TYPE_NOT_SUPPORTED'],
  ['socks4a', false, NAME, { version: 4, form: 'name', host: 'registry.example', port: 443 }],
  ['socks4a', true, NAME, { version: 4, form: 'ipv4', host: '192.0.2.9', port: 443 }],
  ['socks4a', false, IPV4, { version: 4, form: 'ipv4', host: '192.0.2.7', port: 80 }],
  ['socks4a', false, IPV6, 'ADDRESS_TYPE_NOT_SUPPORTED'],
]

for (const [kind, resolveLocally, target, seen] of REQUESTS) {
  t.test(`${kind}${resolveLocally ? '?dns=local' : ''} asked for ${target.host}`, async (t) => {
    const origin = await startEcho()
    const proxy = await startSocksProxy({ map: () => ({ host: origin.host, port: origin.port }) })
    t.teardown(() => Promise.all([origin.close(), proxy.close()]))
    const dialing = dialThrough(hopTo(kind, proxy, { resolveLocally }), target)
    if (typeof seen === 'string') {
      t.equal((await failure(dialing)).code, seen)
      t.equal(proxy.accepted, 0, 'the proxy is not troubled')
    } else {
      const conn = await dialing
      t.same(proxy.requests, [seen])
      conn.end('hello')
      t.equal((await readAll(conn)).toString(), 'hello')
    }
  })
}

t.test('credentials', async (t) => {
  const long = 'é'.repeat(127)
  const rows: readonly [kind: HopKind, username: string, password: string, seen: object][] = [
    ['socks5', 'alice', 'pä:ss wörd', { username: 'alice', password: 'pä:ss wörd' }],
    ['socks5', long, long, { username: long, password: long }],
    ['socks4', 'alice', 'never sent', { username: 'alice' }],
  ]
  const origin = await startEcho()
  t.teardown(() => origin.close())
  for (const [kind, username, password, seen] of rows) {
    const proxy = await startSocksProxy({
      map: () => ({ host: origin.host, port: origin.port }),
      ...(kind === 'socks5' && { credentials: { username, password } }),
    })
    t.teardown(() => proxy.close())
    const conn = await dialThrough(hopTo(kind, proxy, { credentials: credentials(username, password) }), IPV4)
    conn.destroy()
    t.match(proxy.requests[0], seen)
    t.equal('password' in (proxy.requests[0] ?? {}), kind === 'socks5')
  }
})

t.test('early bytes, in the packet of the reply or byte by byte, with every form of bound address', async (t) => {
  const origin = await startEcho()
  t.teardown(() => origin.close())
  const bounds = ['01 00000000 0000', '03 04 61626364 0000', '04 00000000000000000000000000000001 1234']
  for (const bytewise of [false, true]) {
    for (const bound of bounds) {
      const proxy = await startSocksProxy({
        map: () => ({ host: origin.host, port: origin.port }),
        bound: Buffer.from(bound.replaceAll(' ', ''), 'hex'),
        behindReply: '220 ready',
        bytewise,
      })
      t.teardown(() => proxy.close())
      const conn = await dialThrough(hopTo('socks5', proxy))
      t.equal(await readExactly(conn, 9), '220 ready')
      conn.destroy()
      await nothingOpen([proxy, origin])
    }
  }
})

t.test('a proxy slower than the timer of the package', async (t) => {
  const origin = await startEcho()
  const proxy = await listen((socket) => {
    socket.once('data', async () => {
      // The package's timer is set to 1 ms; 20 ms is surely after it.
      await sleep(20)
      socket.write(Buffer.from([5, 0]))
      socket.once('data', async () => {
        await sleep(20)
        socket.write(Buffer.concat([Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]), Buffer.from('late but fine')]))
      })
    })
  })
  t.teardown(() => Promise.all([origin.close(), proxy.close()]))
  const conn = await dialThrough(hopTo('socks5', proxy))
  t.equal(await readExactly(conn, 13), 'late but fine')
  conn.destroy()
})

interface Row {
  readonly name: string
  readonly kind?: HopKind
  readonly proxy?: SocksProxyOptions
  readonly server?: () => Promise<Listening>
  readonly hop?: Partial<Hop>
  readonly handshakeMs?: number
  readonly code: string
  readonly message: RegExp
  readonly said?: string
}

const refusal = (code: number): SocksProxyOptions => ({ reply: Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]) })
const SECRET = { credentials: credentials('alice', 'secret-c') }

const FAULTS: readonly Row[] = [
  {
    name: 'reply 1',
    proxy: refusal(1),
    code: 'PROXY_REFUSED',
    message: /general failure/,
    said: 'reply 1 (general failure)',
  },
  {
    name: 'reply 2',
    proxy: refusal(2),
    code: 'PROXY_REFUSED',
    message: /not allowed/,
    said: 'reply 2 (not allowed by its rules)',
  },
  {
    name: 'reply 3',
    proxy: refusal(3),
    code: 'NETWORK_UNREACHABLE',
    message: /network unreach/,
    said: 'reply 3 (network unreachable)',
  },
  {
    name: 'reply 4',
    proxy: refusal(4),
    code: 'HOST_UNREACHABLE',
    message: /host unreach/,
    said: 'reply 4 (host unreachable)',
  },
  {
    name: 'reply 5',
    proxy: refusal(5),
    code: 'CONNECT_REFUSED',
    message: /^SOCKS5 proxy 127\.0\.0\.1:\d+ could not connect to registry\.example:443: connection refused$/,
    said: 'reply 5 (connection refused)',
  },
  { name: 'reply 6', proxy: refusal(6), code: 'HOST_UNREACHABLE', message: /TTL/, said: 'reply 6 (TTL expired)' },
  {
    name: 'reply 7',
    proxy: refusal(7),
    code: 'PROXY_REFUSED',
    message: /CONNECT/,
    said: 'reply 7 (CONNECT not supported)',
  },
  {
    name: 'reply 8',
    proxy: refusal(8),
    code: 'ADDRESS_TYPE_NOT_SUPPORTED',
    message: /type/,
    said: 'reply 8 (address type not supported)',
  },
  {
    name: 'reply 99',
    proxy: refusal(99),
    code: 'PROXY_REFUSED',
    message: /unassigned/,
    said: 'reply 99 (unassigned code)',
  },
  {
    name: 'SOCKS4 reply 91',
    kind: 'socks4a',
    proxy: { reply: Buffer.from([0, 91, 0, 0, 0, 0, 0, 0]) },
    code: 'PROXY_REFUSED',
    message: /^SOCKS4a proxy .* rejected or failed$/,
    said: 'reply 91 (rejected or failed)',
  },
  {
    name: 'SOCKS4 reply 93',
    kind: 'socks4a',
    proxy: { reply: Buffer.from([0, 93, 0, 0, 0, 0, 0, 0]) },
    code: 'PROXY_AUTH_FAILED',
    message: /identd/,
    said: 'reply 93 (identd does not confirm the user)',
  },
  {
    name: 'a password is asked for and there is none',
    proxy: { credentials: { username: 'a', password: 'b' } },
    code: 'PROXY_AUTH_FAILED',
    message: /asks for credentials/,
    said: 'no acceptable authentication method (0xFF)',
  },
  {
    name: 'a wrong password',
    proxy: { credentials: { username: 'a', password: 'b' } },
    hop: SECRET,
    code: 'PROXY_AUTH_FAILED',
    message: /does not accept/,
    said: 'authentication failed',
  },
  {
    name: 'a method that was not offered',
    proxy: { methodReply: Buffer.from([5, 1]) },
    code: 'PROXY_PROTOCOL_ERROR',
    message: /chose authentication method 1/,
  },
  {
    name: 'a user name too long',
    hop: { credentials: credentials('x'.repeat(256), 'secret-c') },
    proxy: {},
    code: 'PROXY_AUTH_FAILED',
    message: /user name: it is longer than 255 bytes/,
  },
  {
    name: 'a password too long',
    hop: { credentials: credentials('x', 'secret-c'.repeat(40)) },
    proxy: {},
    code: 'PROXY_AUTH_FAILED',
    message: /password: it is longer than 255 bytes/,
  },
  {
    name: 'a NUL in a SOCKS4 user name',
    kind: 'socks4a',
    hop: { credentials: credentials('a\0b', 'secret-c') },
    proxy: {},
    code: 'PROXY_AUTH_FAILED',
    message: /NUL/,
  },
  {
    name: 'never answers',
    proxy: { silentAt: 'start' },
    handshakeMs: 30,
    hop: SECRET,
    code: 'UPSTREAM_TIMEOUT',
    message: /within 0\.03 s/,
  },
  {
    name: 'stops after the choice of method',
    proxy: { silentAt: 'password', credentials: { username: 'a', password: 'b' } },
    hop: SECRET,
    handshakeMs: 30,
    code: 'UPSTREAM_TIMEOUT',
    message: /within 0\.03 s/,
  },
  {
    name: 'stops before the reply',
    proxy: { silentAt: 'request' },
    handshakeMs: 30,
    code: 'UPSTREAM_TIMEOUT',
    message: /within/,
  },
  {
    name: 'closes without a word',
    proxy: { hangUpAt: 'start' },
    code: 'CONNECT_RESET',
    message: /before it answered|broke off/,
  },
  {
    name: 'closes before the reply',
    proxy: { hangUpAt: 'request' },
    code: 'PROXY_PROTOCOL_ERROR',
    message: /in the middle/,
  },
  {
    name: 'is an HTTP server',
    server: () => startGarbage('HTTP/1.1 400 Bad Request\r\n\r\n'),
    code: 'PROXY_PROTOCOL_ERROR',
    message: /did not answer in SOCKS5; it looks like an HTTP server or HTTP proxy: HTTP\/1\.1 400 Bad Request$/,
  },
  {
    name: 'is a TLS server',
    server: () => startGarbage(Buffer.from('15030100020228', 'hex')),
    code: 'PROXY_PROTOCOL_ERROR',
    message: /looks like a TLS server/,
  },
  {
    name: 'a flood of garbage',
    server: () => startGarbage(Buffer.alloc(5_000_000, 5)),
    code: 'PROXY_PROTOCOL_ERROR',
    message: /SOCKS5 proxy/,
  },
]

for (const { name, kind = 'socks5', proxy: options, server, hop, handshakeMs, code, message, said } of FAULTS) {
  t.test(`fault: ${name}`, async (t) => {
    const proxy = server === undefined ? await startSocksProxy(options) : await server()
    t.teardown(() => proxy.close())
    const error = await failure(dialThrough(hopTo(kind, proxy, hop), NAME, handshakeMs))
    t.equal(error.code, code)
    t.match(error.message, message)
    t.same(error.hop, { kind, host: '127.0.0.1', port: proxy.port })
    t.equal(error.said, said)
    t.notMatch(`${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`, /secret-c/)
    if (name !== 'a flood of garbage') await nothingOpen([proxy])
  })
}
