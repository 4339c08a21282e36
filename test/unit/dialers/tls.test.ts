import tls from 'node:tls'
import t from 'tap'
import { makeAuthority } from '../../../certs/make-certs.ts'
import type { Hop } from '../../../src/contracts/route.ts'
import { chain } from '../../../src/dialers/chain.ts'
import { createTrust } from '../../../src/dialers/tls-trust.ts'
import { failure, nothingOpen } from '../../contract/stream-dialer.ts'
import { readAll } from '../../fixtures/reading.ts'
import { testAuthority } from '../../fixtures/test-authority.ts'
import { startHttpProxy } from '../../fixtures/upstreams/http-proxy.ts'
import { type Listening, listen } from '../../fixtures/upstreams/listen.ts'
import { startEcho, startGarbage, startMute } from '../../fixtures/upstreams/origins.ts'
import { directDialer, hopOptions } from '../../fixtures/ways.ts'

const DAY_MS = 86_400_000
const TARGET = { host: '127.0.0.1', family: 4, port: 9 } as const

/** The hop `edge.example`, which the resolver says is on loopback. */
async function dialEdge(
  proxy: Listening,
  settings: { handshakeMs?: number; host?: Partial<Hop>; target?: Hop['port'] } = {},
) {
  const options = await hopOptions({
    handshakeMs: settings.handshakeMs ?? 5000,
    resolver: { resolve: async () => [{ address: '127.0.0.1', family: 4 }] },
  })
  const hop: Hop = { kind: 'https', host: 'edge.example', family: 0, port: proxy.port, ...settings.host }
  const target = { ...TARGET, port: settings.target ?? TARGET.port }
  return chain([hop], directDialer(options), options).dial(target, { signal: new AbortController().signal })
}

const authority = await testAuthority()
const stranger = await makeAuthority('Somebody Else CA')

const CERTIFICATES: readonly [name: string, make: () => Promise<tls.TlsOptions>, message: RegExp, hint: RegExp][] = [
  [
    'expired',
    () =>
      authority.issue({ names: ['edge.example'], notBefore: new Date('2020-01-01'), notAfter: new Date('2020-02-03') }),
    /^the certificate of HTTPS proxy edge\.example:\d+ expired on 2020-02-03$/,
    /new certificate/,
  ],
  [
    'not yet valid',
    () => authority.issue({ names: ['edge.example'], notBefore: new Date(Date.now() + DAY_MS) }),
    /is not valid before \d{4}-\d\d-\d\d$/,
    /clock/,
  ],
  [
    'for another name',
    () => authority.issue({ names: ['other.example', '192.0.2.1'] }),
    /is not for edge\.example; it is for other\.example, 192\.0\.2\.1$/,
    /Use one of these names/,
  ],
  [
    'from an unknown authority',
    () => stranger.issue({ names: ['edge.example'] }),
    /comes from an issuer that is not trusted here: Somebody Else CA$/,
    /trust\.ca/,
  ],
  [
    'with a root of its own sent along',
    async () => {
      const { cert, key } = await stranger.issue({ names: ['edge.example'] })
      return { cert: `${cert}${stranger.cert}`, key }
    },
    /comes from a private authority that is not trusted here: Somebody Else CA$/,
    /trust\.ca/,
  ],
]

for (const [name, make, message, hint] of CERTIFICATES) {
  t.test(`a certificate ${name}`, async (t) => {
    const proxy = await startHttpProxy({ tls: await make() })
    t.teardown(() => proxy.close())
    const error = await failure(dialEdge(proxy))
    t.equal(error.code, 'TLS_FAILED')
    t.match(error.message, message)
    t.match(error.hint ?? '', hint)
    t.same(error.hop, { kind: 'https', host: 'edge.example', port: proxy.port })
    t.same(proxy.requests, [], 'nothing was sent to it')
    await nothingOpen([proxy])
  })
}

t.test('a good certificate: SNI is the name, ALPN is http/1.1', async (t) => {
  const seen: { servername: unknown; alpn: unknown }[] = []
  const origin = await startEcho()
  const { cert, key } = await authority.issue({ names: ['edge.example'] })
  const proxy = await startHttpProxy({
    tls: {
      cert,
      key,
      ALPNCallback: ({ servername, protocols }) => {
        seen.push({ servername, alpn: protocols })
        return 'http/1.1'
      },
    },
  })
  t.teardown(() => Promise.all([origin.close(), proxy.close()]))
  const conn = await dialEdge(proxy, { target: origin.port })
  conn.end('hello')
  t.equal((await readAll(conn)).toString(), 'hello')
  t.same(seen, [{ servername: 'edge.example', alpn: ['http/1.1'] }])
})

t.test('an address in the URL: no SNI, and the certificate must bear the address', async (t) => {
  const byAddress = { host: '127.0.0.1', family: 4 } as const
  const names: unknown[] = []
  for (const [certified, accepted] of [
    ['127.0.0.1', true],
    ['localhost', false],
  ] as const) {
    const { cert, key } = await authority.issue({ names: [certified] })
    const origin = await startEcho()
    const proxy = await startHttpProxy({
      tls: {
        cert,
        key,
        SNICallback: (name, done) => {
          names.push(name)
          done(null)
        },
      },
    })
    t.teardown(() => Promise.all([origin.close(), proxy.close()]))
    const dialing = dialEdge(proxy, { host: byAddress, target: origin.port })
    if (accepted) (await dialing).destroy()
    else t.match((await failure(dialing)).message, /is not for 127\.0\.0\.1; it is for localhost$/)
  }
  t.same(names, [])
})

interface Row {
  readonly name: string
  readonly server: () => Promise<Listening>
  readonly handshakeMs?: number
  readonly code: string
  readonly message: RegExp
}

const FAULTS: readonly Row[] = [
  {
    name: 'speaks plain HTTP',
    server: () => startGarbage('HTTP/1.1 400 Bad Request\r\n\r\n'),
    code: 'TLS_FAILED',
    message: /^HTTPS proxy edge\.example:\d+ does not speak TLS$/,
  },
  {
    name: 'never answers',
    server: () => startMute(),
    handshakeMs: 30,
    code: 'UPSTREAM_TIMEOUT',
    message: /the TLS handshake within 0\.03 s/,
  },
  {
    name: 'hangs up',
    server: () => listen((socket) => void socket.once('data', () => socket.resetAndDestroy())),
    code: 'CONNECT_RESET',
    message: /closed the connection during the TLS handshake/,
  },
  {
    name: 'closes in good order',
    server: () => listen((socket) => void socket.resume().end()),
    code: 'CONNECT_RESET',
    message: /closed the connection during the TLS handshake/,
  },
  {
    name: 'knows only old TLS',
    server: () =>
      listen(() => {}, { tls: { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } }),
    code: 'TLS_FAILED',
    message: /failed the TLS handshake: .*alert/,
  },
]

for (const { name, server, handshakeMs, code, message } of FAULTS) {
  t.test(`fault: ${name}`, async (t) => {
    const proxy = await server()
    t.teardown(() => proxy.close())
    const error = await failure(dialEdge(proxy, { ...(handshakeMs !== undefined && { handshakeMs }) }))
    t.equal(error.code, code)
    t.match(error.message, message)
    t.same(error.hop, { kind: 'https', host: 'edge.example', port: proxy.port })
    await nothingOpen([proxy])
  })
}

t.test('trust: the machine’s authorities and ours, parsed once', async (t) => {
  const { cert, key } = await authority.issue({ names: ['edge.example'] })
  const server = await listen((socket) => void socket.end('hello'), { tls: { cert, key } })
  t.teardown(() => server.close())
  const authorized = (context: tls.SecureContext): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = tls.connect(
        {
          host: '127.0.0.1',
          port: server.port,
          servername: 'edge.example',
          secureContext: context,
          rejectUnauthorized: false,
        },
        () => {
          resolve(socket.authorized)
          socket.destroy()
        },
      )
    })
  const extra = createTrust([authority.cert], {})
  t.equal(extra(), extra(), 'made once')
  t.equal(extra(), createTrust([authority.cert], {})(), 'and shared by those who trust the same')
  t.equal(await authorized(extra()), true, 'an authority from the settings')
  t.equal(await authorized(createTrust([], {})()), false, 'without it')

  const broken = createTrust(['-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n'], {})
  t.throws(broken, { code: 'TLS_FAILED', message: /not a PEM certificate/ })

  const directory = t.testdir({ 'ca.pem': authority.cert })
  t.equal(await authorized(createTrust([], { SSL_CERT_FILE: `${directory}/ca.pem` })()), true, 'SSL_CERT_FILE')
  t.equal(
    await authorized(createTrust([], { NODE_EXTRA_CA_CERTS: `${directory}/ca.pem` })()),
    true,
    'NODE_EXTRA_CA_CERTS',
  )
  t.equal(
    await authorized(createTrust([], { NODE_EXTRA_CA_CERTS: `${directory}/missing.pem` })()),
    false,
    'a file that is not there',
  )
})
