import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import type { Candidate, Route, RouteQuery } from '../../../src/contracts/route.ts'
import { createDialers, type DialersOptions } from '../../../src/dialers/create-dialers.ts'
import { createSystemResolver } from '../../../src/dialers/resolver.ts'
import { failure, nothingOpen } from '../../contract/stream-dialer.ts'
import { readAll, readExactly } from '../../fixtures/reading.ts'
import { loopbackCertificate, testAuthority } from '../../fixtures/test-authority.ts'
import { startHttpProxy } from '../../fixtures/upstreams/http-proxy.ts'
import { type Listening, unusedPort } from '../../fixtures/upstreams/listen.ts'
import { startBanner, startEcho } from '../../fixtures/upstreams/origins.ts'
import { startSocksProxy } from '../../fixtures/upstreams/socks-proxy.ts'
import { hopTo } from '../../fixtures/ways.ts'

async function make(overrides: Partial<DialersOptions> = {}) {
  return createDialers({
    clock: systemClock,
    resolver: createSystemResolver({ clock: systemClock }),
    judge: () => undefined,
    isOwnEndpoint: () => false,
    userAgent: 'Fairlead/test',
    ca: [(await testAuthority()).cert],
    ...overrides,
  })
}

const signal = new AbortController().signal

function query(origin: Listening): RouteQuery {
  return {
    target: { host: origin.host, family: 4, port: origin.port },
    scheme: 'https',
    scope: 'host',
    client: { local: true },
  }
}

function route(...candidates: readonly Candidate[]): Route {
  return { decision: 'proxy', candidates, because: { source: 'manual', detail: 'a test' }, generation: 1 }
}

t.test('a dead proxy, then one that works: the flow gets through and is told of both', async (t) => {
  const origin = await startEcho()
  const socks = await startSocksProxy()
  t.teardown(() => Promise.all([origin.close(), socks.close()]))
  const dead: Candidate = { hops: [{ kind: 'http', host: '127.0.0.1', family: 4, port: await unusedPort() }] }
  const live: Candidate = { hops: [hopTo('socks5', socks)] }
  const dialers = await make()
  const dialed = await dialers.dial(route(dead, live), query(origin), signal)
  t.equal(dialed.candidate, live)
  t.match(
    dialed.failed[0]?.error.message ?? '',
    /^cannot reach the HTTP proxy: 127\.0\.0\.1:\d+ refused the connection$/,
  )
  dialed.value.end('hello')
  t.equal((await readAll(dialed.value)).toString(), 'hello')
  const again = await dialers.dial(route(dead, live), query(origin), signal)
  t.same(again.failed, [], 'the dead one is remembered')
  again.value.destroy()
})

t.test('a proxy that hangs leaves time for the next, and nothing open', async (t) => {
  const origin = await startEcho()
  const silent = await startHttpProxy({ silent: true })
  t.teardown(() => Promise.all([origin.close(), silent.close()]))
  const dialers = await make({ dialDeadlineMs: 15_000, attemptMs: 1_000 })
  const dialed = await dialers.dial(route({ hops: [hopTo('http', silent)] }, { hops: [] }), query(origin), signal)
  t.same(dialed.candidate.hops, [])
  t.equal(dialed.failed[0]?.error.code, 'UPSTREAM_TIMEOUT')
  t.match(dialed.failed[0]?.error.message ?? '', /^HTTP proxy .* took the connection but did not answer in time$/)
  dialed.value.destroy()
  await nothingOpen([silent, origin])
})

t.test('the overall deadline names the hop that hangs in a chain', async (t) => {
  const silent = await startHttpProxy({ silent: true })
  const socks = await startSocksProxy()
  t.teardown(() => Promise.all([silent.close(), socks.close()]))
  const dialers = await make({ dialDeadlineMs: 2_000 })
  const error = await failure(
    dialers.dial(route({ hops: [hopTo('socks5', socks), hopTo('http', silent)] }), query(silent), signal),
  )
  t.equal(error.code, 'UPSTREAM_TIMEOUT')
  t.same(error.hop, { kind: 'http', host: '127.0.0.1', port: silent.port })
  t.equal(error.attempts.length, 1)
  await nothingOpen([silent, socks])
})

t.test('the last hop itself, for plain HTTP: in clear, inside TLS, and behind a chain', async (t) => {
  const banner = await startBanner('in clear')
  const secure = await startBanner('inside TLS', { tls: await loopbackCertificate() })
  const socks = await startSocksProxy()
  t.teardown(() => Promise.all([banner.close(), secure.close(), socks.close()]))
  const dialers = await make()
  for (const [hops, text] of [
    [[hopTo('http', banner)], 'in clear'],
    [[hopTo('https', secure)], 'inside TLS'],
    [[hopTo('socks5', socks), hopTo('https', secure)], 'inside TLS'],
  ] as const) {
    const conn = await dialers.dialLastHop({ hops }, signal)
    t.equal(await readExactly(conn, text.length), text)
    conn.destroy()
  }
  const port = await unusedPort()
  const error = await failure(
    dialers.dialLastHop({ hops: [{ kind: 'https', host: '127.0.0.1', family: 4, port }] }, signal),
  )
  t.same(error.hop, { kind: 'https', host: '127.0.0.1', port })
  await nothingOpen([banner, secure, socks])
})

t.test('the client is judged for the target, not for the proxy on the way', async (t) => {
  const origin = await startEcho()
  const proxy = await startHttpProxy()
  t.teardown(() => Promise.all([origin.close(), proxy.close()]))
  const asked: (readonly [number, boolean])[] = []
  const dialers = await make({
    judge: (_address, port, asker) => {
      asked.push([port, asker !== undefined])
      return asker === undefined ? undefined : new GatewayError('ACCESS_DENIED', 'not for you')
    },
  })
  const conn = await dialers
    .dialerFor({ hops: [hopTo('http', proxy)] })
    .dial(query(origin).target, { signal, query: query(origin) })
  conn.destroy()
  t.same(asked, [[proxy.port, false]])
  const error = await failure(dialers.dial(route({ hops: [] }), query(origin), signal))
  t.equal(error.code, 'ACCESS_DENIED')
  t.same(asked[1], [origin.port, true])
})

t.test('a proxy that is the gateway itself', async (t) => {
  const proxy = await startHttpProxy()
  t.teardown(() => proxy.close())
  const dialers = await make({ isOwnEndpoint: (address, port) => address === '127.0.0.1' && port === proxy.port })
  const error = await failure(dialers.dial(route({ hops: [hopTo('http', proxy)] }), query(proxy), signal))
  t.equal(error.code, 'LOOP_DETECTED')
  t.same(error.hop, { kind: 'http', host: '127.0.0.1', port: proxy.port })
  t.equal(proxy.accepted, 0)
})
