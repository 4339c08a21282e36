import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { makeAuthority } from '../../certs/make-certs.ts'
import { getThrough, openConnect } from '../fixtures/clients.ts'
import { everythingIsLoopback, startTestGateway } from '../fixtures/gateway.ts'
import { testAuthority } from '../fixtures/test-authority.ts'
import { until } from '../fixtures/until.ts'
import { type ListenOptions, linger, listen } from '../fixtures/upstreams/listen.ts'
import { startEcho } from '../fixtures/upstreams/origins.ts'

/** Milliseconds between a flow's start and its refusal: handshakes may take one second here. */
const REFUSED_MS = 5_000
const LIMITS = {
  timeouts: { handshake: '1s', dial: '2s', attempt: '2s', responseHead: '1s' },
  status: { listen: 'off' },
}

type Play = (socket: Socket) => void
const says =
  (...pieces: readonly (string | Buffer)[]): Play =>
  (socket) => {
    linger(socket)
    const next = ([piece, ...rest]: readonly (string | Buffer)[]) => {
      if (piece !== undefined && socket.writable) socket.write(piece, () => setImmediate(() => next(rest)))
    }
    socket.once('data', () => next(pieces))
  }
/** One piece for each message that comes. */
const answers =
  (...pieces: readonly Buffer[]): Play =>
  (socket) => {
    linger(socket)
    const left = [...pieces]
    socket.on('data', () => {
      const piece = left.shift()
      if (piece) socket.write(piece)
    })
  }
/** The same thing again for as long as anybody reads. */
const repeats =
  (first: string, block: string): Play =>
  (socket) => {
    linger(socket)
    const bytes = Buffer.from(block.repeat(Math.ceil(16_384 / block.length)), 'latin1')
    const more = () => {
      while (socket.writable && socket.write(bytes));
    }
    socket.once('data', () => {
      socket.write(first, 'latin1')
      socket.on('drain', more)
      more()
    })
  }
const drips =
  (text: string): Play =>
  (socket) => {
    linger(socket)
    let sent = 0
    const timer = setInterval(() => socket.writable && socket.write(text[sent++ % text.length]!), 20)
    socket.on('close', () => clearInterval(timer))
  }
const bytes = (hex: string) => Buffer.from(hex.replace(/ /g, ''), 'hex')
const resets: Play = (socket) => void socket.once('data', () => socket.resetAndDestroy())
const closes: Play = (socket) => void socket.once('data', () => socket.end())
const silent: Play = (socket) => void linger(socket)

/** What a proxy does when it is asked for a tunnel, and the code that the client is told. */
const PROXIES: ReadonlyArray<readonly [kind: string, what: string, play: Play, code: string]> = [
  ['http', 'says nothing', silent, 'UPSTREAM_TIMEOUT'],
  ['http', 'closes', closes, 'CONNECT_RESET'],
  ['http', 'resets', resets, 'CONNECT_RESET'],
  ['http', 'drips a head without end', drips('HTTP/1.1 200 OK\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'), 'UPSTREAM_TIMEOUT'],
  ['http', 'sends fields without end', repeats('HTTP/1.1 200 OK\r\n', 'X: a\r\n'), 'PROXY_PROTOCOL_ERROR'],
  ['http', 'sends one field without end', repeats('HTTP/1.1 200 OK\r\nX: ', 'aaaaaaaa'), 'PROXY_PROTOCOL_ERROR'],
  ['http', 'sends blanks without end', repeats('HTTP/1.1 200 OK\r\nX: a', '        '), 'PROXY_PROTOCOL_ERROR'],
  ['http', 'sends blanks and a bare CR', says(`HTTP/1.1 200 OK\r\nX: ${' '.repeat(60_000)}\ra\r\n\r\n`), 'PROXY_PROTOCOL_ERROR'],
  ['http', 'sends interim answers without end', repeats('', 'HTTP/1.1 100 Continue\r\n\r\n'), 'PROXY_PROTOCOL_ERROR'],
  ['http', 'switches protocols', says('HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n'), 'PROXY_PROTOCOL_ERROR'],
  ['http', 'sends rubbish', repeats('', '\x00\xff\x80rubbish'), 'PROXY_PROTOCOL_ERROR'],
  ['http', 'ends in the middle of its head', (socket) => void socket.once('data', () => socket.end('HTTP/1.1 200 O')), 'PROXY_PROTOCOL_ERROR'],
  ['http', 'refuses with a page without end', repeats('HTTP/1.1 403 No\r\nContent-Type: text/html\r\n\r\n', '<p>no</p>'), 'PROXY_REFUSED'],
  ['http', 'asks for credentials in 64 KiB of quotes', says(`HTTP/1.1 407 P\r\nProxy-Authenticate: ${'"\\'.repeat(30_000)}\r\n\r\n`), 'PROXY_AUTH_FAILED'],
  ['http', 'is a SOCKS server', says(bytes('05ff')), 'PROXY_PROTOCOL_ERROR'],
  ['http', 'is a TLS server', says(bytes('15030300020246')), 'PROXY_PROTOCOL_ERROR'],
  ['socks5', 'says nothing', silent, 'UPSTREAM_TIMEOUT'],
  ['socks5', 'closes', closes, 'CONNECT_RESET'],
  ['socks5', 'resets', resets, 'CONNECT_RESET'],
  ['socks5', 'speaks version 4', says(bytes('0400')), 'PROXY_PROTOCOL_ERROR'],
  ['socks5', 'chooses a method that was not offered', says(bytes('0503')), 'PROXY_PROTOCOL_ERROR'],
  ['socks5', 'chooses a password that was not offered', says(bytes('0502')), 'PROXY_PROTOCOL_ERROR'],
  ['socks5', 'answers before it is asked', says(bytes('0500 05000001 00000000 0000')), 'PROXY_PROTOCOL_ERROR'],
  ['socks5', 'answers with an unknown address type', answers(bytes('0500'), bytes('05000002 00000000 0000')), 'PROXY_PROTOCOL_ERROR'],
  ['socks5', 'announces a longer address than it sends', answers(bytes('0500'), bytes('05000003 ff 61')), 'UPSTREAM_TIMEOUT'],
  ['socks5', 'refuses with a code of no meaning', answers(bytes('0500'), bytes('05ff0001')), 'PROXY_REFUSED'],
  ['socks5', 'sends rubbish without end', repeats('', '\x05\x05\x05'), 'PROXY_PROTOCOL_ERROR'],
  ['socks5', 'is an HTTP server', says('HTTP/1.1 400 Bad Request\r\n\r\n'), 'PROXY_PROTOCOL_ERROR'],
  ['socks4a', 'says nothing', silent, 'UPSTREAM_TIMEOUT'],
  ['socks4a', 'speaks version 4 in its reply', says(bytes('045a000000000000')), 'PROXY_PROTOCOL_ERROR'],
  ['socks4a', 'sends half a reply', says(bytes('005a0000')), 'UPSTREAM_TIMEOUT'],
  ['socks4a', 'refuses', says(bytes('005b000000000000')), 'PROXY_REFUSED'],
  ['socks4a', 'wants identd', says(bytes('005c000000000000')), 'PROXY_AUTH_FAILED'],
  ['https', 'says nothing', silent, 'UPSTREAM_TIMEOUT'],
  ['https', 'closes', closes, 'CONNECT_RESET'],
  ['https', 'resets', resets, 'CONNECT_RESET'],
  ['https', 'speaks in clear', says('HTTP/1.1 400 Bad Request\r\n\r\n'), 'TLS_FAILED'],
  ['https', 'sends rubbish without end', repeats('', '\x16\x03\x03\xff\xff'), 'TLS_FAILED'],
  ['https', 'sends an alert', says(bytes('15030300020228')), 'TLS_FAILED'],
] // biome-ignore format: one proxy a line

t.setTimeout(550_000)

/** Times that a case is tried again: limits are a second here, and a machine that stands still for as long meets them in place of the proxy. */
const AGAIN = 2

/** What came of it, tried again until it is as it should be. */
async function tried<Seen>(once: () => Promise<Seen>, isRight: (seen: Seen) => boolean): Promise<Seen> {
  let seen = await once()
  for (let again = 0; again < AGAIN && !isRight(seen); again += 1) seen = await once()
  return seen
}

t.test('a hostile proxy gets its own error that names it, and a neighbour notices nothing', async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const meet = async (kind: string, play: Play) => {
    const proxy = await listen(play)
    const gateway = await startTestGateway(
      t,
      { ...LIMITS, proxy: { mode: 'manual', https: `${kind}://127.0.0.1:${proxy.port}`, exclude: ['127.0.0.1'] } },
      { resolver: everythingIsLoopback },
    )
    const start = performance.now()
    const [refused, neighbour] = await Promise.all([
      openConnect(gateway.port, 'a.test:443'),
      openConnect(gateway.port, `127.0.0.1:${echo.port}`),
    ])
    const took = performance.now() - start
    const lineOf = () => gateway.flows().find(({ target }) => target === 'a.test:443')
    await until('its line', () => lineOf() !== undefined)
    refused.socket.destroy()
    neighbour.socket.destroy()
    await gateway.gateway.close()
    await proxy.close()
    return { port: proxy.port, line: lineOf(), refused, neighbour, took }
  }
  for (const [kind, what, play, code] of PROXIES) {
    const { port, line, refused, neighbour, took } = await tried(
      () => meet(kind, play),
      (seen) => seen.line?.error?.code === code && seen.neighbour.status === 200 && seen.took < REFUSED_MS,
    )
    t.same(
      [line?.error?.code, line?.error?.hop],
      [code, { kind, host: '127.0.0.1', port }],
      `${kind} proxy that ${what}: ${code}`,
    )
    t.match(refused.status, code === 'UPSTREAM_TIMEOUT' ? 504 : 502, `${kind} proxy that ${what}: the client is told`)
    t.match(
      refused.reason,
      new RegExp(`${/^[a-z]+/.exec(kind)?.[0]}[45]?a? proxy 127\\.0\\.0\\.1:${port}`, 'i'),
      `${kind} proxy that ${what}: by name`,
    )
    t.ok(took < REFUSED_MS, `${kind} proxy that ${what}: after ${took.toFixed(0)} ms`)
    t.equal(neighbour.status, 200)
  }
})

t.test('certificates of every wrong kind are explained', async (t) => {
  const good = await testAuthority()
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-test-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const ca = join(folder, 'ca.pem')
  await writeFile(ca, good.cert)
  const stranger = await makeAuthority('Somebody else')
  const yesterday = new Date(Date.now() - 86_400_000)
  const tomorrow = new Date(Date.now() + 86_400_000)
  const names = ['127.0.0.1']
  const cases: ReadonlyArray<readonly [what: string, tls: ListenOptions['tls'], says: RegExp]> = [
    ['from an unknown authority', await stranger.issue({ names }), /author|issuer|trust/i],
    ['for another name', await good.issue({ names: ['other.test'] }), /other\.test|name|not for/i],
    [
      'that has expired',
      await good.issue({ names, notBefore: new Date(yesterday.getTime() - 86_400_000), notAfter: yesterday }),
      /expired/i,
    ],
    ['of tomorrow', await good.issue({ names, notBefore: tomorrow }), /not.*valid|yet/i],
  ]
  const meet = async (tls: ListenOptions['tls']) => {
    const proxy = await listen(silent, { tls: tls! })
    const gateway = await startTestGateway(t, {
      ...LIMITS,
      trust: { ca },
      proxy: { mode: 'manual', https: `https://127.0.0.1:${proxy.port}` },
    })
    const { status, reason, socket } = await openConnect(gateway.port, 'a.test:443')
    const [line] = await gateway.flowCount(1)
    socket.destroy()
    await gateway.gateway.close()
    await proxy.close()
    return { status, reason, code: line?.error?.code }
  }
  for (const [what, tls, says] of cases) {
    const { status, reason, code } = await tried(
      () => meet(tls),
      (seen) => seen.code === 'TLS_FAILED',
    )
    t.same([status, code], [502, 'TLS_FAILED'], what)
    t.match(reason, says, `${what}: ${reason}`)
  }
})

/** What an origin does with a plain-HTTP request. An empty code: the answer is passed on and then broken off. */
const ORIGINS: ReadonlyArray<readonly [what: string, play: Play, code: string]> = [
  ['sends fields without end', repeats('HTTP/1.1 200 OK\r\n', 'X: a\r\n'), 'UPSTREAM_PROTOCOL_ERROR'],
  ['sends one field without end', repeats('HTTP/1.1 200 OK\r\nX: ', 'aaaaaaaa'), 'UPSTREAM_PROTOCOL_ERROR'],
  ['sends interim answers without end', repeats('', 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'), 'UPSTREAM_PROTOCOL_ERROR'],
  ['drips its head', drips('HTTP/1.1 200 OK\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'), 'UPSTREAM_TIMEOUT'],
  ['frames its answer twice', says('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'), 'UPSTREAM_PROTOCOL_ERROR'],
  ['resets', resets, 'CONNECT_RESET'],
] // biome-ignore format: one origin a line

t.test('a hostile origin gets its own error', async (t) => {
  const meet = async (play: Play) => {
    const origin = await listen(play)
    const gateway = await startTestGateway(t, LIMITS)
    const start = performance.now()
    const answer = await getThrough(gateway.port, `http://127.0.0.1:${origin.port}/`)
    const took = performance.now() - start
    const [line] = await gateway.flowCount(1)
    await gateway.gateway.close()
    await origin.close()
    return { port: origin.port, error: line?.error, status: answer.status, took }
  }
  for (const [what, play, code] of ORIGINS) {
    const { port, error, status, took } = await tried(
      () => meet(play),
      (seen) => seen.error?.code === code && seen.took < REFUSED_MS,
    )
    t.equal(error?.code, code, `an origin that ${what}: ${error?.message}`)
    t.equal(error?.hop?.port, port)
    t.equal(status, code === 'UPSTREAM_TIMEOUT' ? 504 : 502)
    t.ok(took < REFUSED_MS)
  }
})
