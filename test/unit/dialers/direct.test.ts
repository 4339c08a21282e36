import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import type { FailedConnect } from '../../../src/contracts/dialer.ts'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import type { ResolvedAddress } from '../../../src/contracts/resolver.ts'
import type { RouteQuery } from '../../../src/contracts/route.ts'
import { ADDRESS_LIMIT, orderAddresses } from '../../../src/dialers/address-order.ts'
import { connectError } from '../../../src/dialers/connect-error.ts'
import { createDirectDialer, type DirectOptions } from '../../../src/dialers/direct.ts'
import { raceConnects } from '../../../src/dialers/happy-eyeballs.ts'
import { streamDescriptor } from '../../../src/system/stream-descriptor.ts'
import { failure } from '../../contract/stream-dialer.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { readAll } from '../../fixtures/reading.ts'
import { unusedPort } from '../../fixtures/upstreams/listen.ts'
import { startEcho } from '../../fixtures/upstreams/origins.ts'

const NAME = { host: 'registry.example', family: 0, port: 443 } as const
const entry = (address: string): ResolvedAddress => ({ address, family: address.includes(':') ? 6 : 4 })

t.test('order of addresses (RFC 8305 §4)', (t) => {
  const rows: readonly [resolved: string, ordered: string][] = [
    ['1.1.1.1', '1.1.1.1'],
    ['a::1 a::2 1.1.1.1 1.1.1.2', 'a::1 1.1.1.1 a::2 1.1.1.2'],
    ['1.1.1.1 1.1.1.2 a::1 a::2', '1.1.1.1 a::1 1.1.1.2 a::2'],
    ['1.1.1.1 a::1 a::2 a::3', '1.1.1.1 a::1 a::2 a::3'],
    ['a::1 a::2 a::3', 'a::1 a::2 a::3'],
    ['1.1.1.1 1.1.1.1 a::1', '1.1.1.1 a::1'],
  ]
  for (const [resolved, ordered] of rows) {
    t.equal(
      orderAddresses(resolved.split(' ').map(entry))
        .map((one) => one.address)
        .join(' '),
      ordered,
    )
  }
  const many = Array.from({ length: 300 }, (_, index) => entry(`10.0.${index >> 8}.${index & 255}`))
  t.equal(orderAddresses(many).length, ADDRESS_LIMIT)
  t.end()
})

/** A race whose sockets do what the test says; time is the test's. */
function startRace(addresses: readonly string[], failed?: readonly FailedConnect[]) {
  const clock = manualClock()
  const abort = new AbortController()
  const opened = new Map<string, EventEmitter & { destroyed: boolean; destroy(): void }>()
  const open = (address: string): Socket => {
    const socket = Object.assign(new EventEmitter(), {
      destroyed: false,
      destroy() {
        this.destroyed = true
      },
    })
    socket.on('error', () => {})
    opened.set(address, socket)
    return socket as unknown as Socket
  }
  const result = raceConnects({ addresses, failed, open, clock, signal: abort.signal, attemptDelayMs: 250 })
  const fail = (address: string, code: string) =>
    opened.get(address)!.emit('error', Object.assign(new Error(code), { code }))
  const connect = (address: string) => opened.get(address)!.emit('connect')
  return { clock, abort, opened, result, fail, connect, tried: () => [...opened.keys()].join(' ') }
}

t.test('the race (RFC 8305 §5)', async (t) => {
  await t.test('the next begins after the delay, the first to connect wins, the others are destroyed', async (t) => {
    const race = startRace(['a', 'b', 'c', 'd'])
    t.equal(race.tried(), 'a')
    race.clock.advance(249)
    t.equal(race.tried(), 'a')
    race.clock.advance(1)
    t.equal(race.tried(), 'a b')
    race.clock.advance(250)
    t.equal(race.tried(), 'a b c')
    race.connect('b')
    const result = await race.result
    t.equal('won' in result && result.won, race.opened.get('b') as unknown)
    t.same(
      [...race.opened.values()].map((socket) => socket.destroyed),
      [true, false, true],
    )
    t.equal(race.clock.pending, 0, 'no timer is left')
  })
  await t.test('the next begins at once after a failure, and its delay begins anew', async (t) => {
    const race = startRace(['a', 'b', 'c'])
    race.clock.advance(200)
    race.fail('a', 'ECONNREFUSED')
    t.equal(race.tried(), 'a b')
    race.clock.advance(100)
    t.equal(race.tried(), 'a b')
    race.clock.advance(150)
    t.equal(race.tried(), 'a b c')
    race.connect('c')
    await race.result
    t.equal(race.clock.pending, 0)
  })
  await t.test('all fail: all failures', async (t) => {
    const race = startRace(['a', 'b'])
    race.fail('a', 'ENETUNREACH')
    race.fail('b', 'ECONNREFUSED')
    const result = await race.result
    t.same('failures' in result && result.failures.map((one) => [one.address, one.error.code]), [
      ['a', 'ENETUNREACH'],
      ['b', 'ECONNREFUSED'],
    ])
  })
  await t.test('what somebody has tried already counts, and is not tried again', async (t) => {
    const refused = (address: string): FailedConnect => ({
      address,
      error: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
    })
    const outcome = async (race: ReturnType<typeof startRace>) => {
      const result = await race.result
      t.equal(race.clock.pending, 0)
      return 'failures' in result && result.failures.map((one) => `${one.address} ${one.error.code}`).join()
    }
    const first = startRace(['a', 'b'], [refused('a')])
    t.equal(first.tried(), 'b', 'at once')
    first.fail('b', 'ENETUNREACH')
    t.equal(await outcome(first), 'a ECONNREFUSED,b ENETUNREACH', 'in their order')

    const second = startRace(['a', 'b', 'c'], [refused('b')])
    second.clock.advance(250)
    t.equal(second.tried(), 'a c')
    second.fail('c', 'EHOSTUNREACH')
    second.connect('a')
    await second.result

    const last = startRace(['a', 'b'], [refused('b')])
    last.clock.advance(250)
    last.fail('a', 'ETIMEDOUT')
    t.equal(await outcome(last), 'b ECONNREFUSED,a ETIMEDOUT')

    const all = startRace(['a', 'b'], [refused('a'), refused('b'), refused('elsewhere')])
    t.equal(all.tried(), '')
    t.equal(await outcome(all), 'a ECONNREFUSED,b ECONNREFUSED')
  })
  await t.test('one address costs no timer', async (t) => {
    const race = startRace(['a'])
    t.equal(race.clock.pending, 0)
    race.connect('a')
    await race.result
  })
  await t.test('abort destroys all that run', async (t) => {
    const race = startRace(['a', 'b', 'c'])
    race.clock.advance(250)
    race.abort.abort()
    t.same(await race.result, { aborted: true, tried: ['a', 'b'] })
    t.ok([...race.opened.values()].every((socket) => socket.destroyed))
    t.equal(race.clock.pending, 0)
    race.fail('a', 'ECONNRESET')
  })
})

t.test('errors by errno', (t) => {
  const rows: readonly [errnos: string, code: string, message: RegExp][] = [
    ['ECONNREFUSED', 'CONNECT_REFUSED', /^registry\.example:443 refused the connection \(tried 10\.0\.0\.0\)$/],
    ['ENETUNREACH ECONNREFUSED', 'CONNECT_REFUSED', /\(tried 10\.0\.0\.0, 10\.0\.0\.1\)$/],
    ['ETIMEDOUT ENETUNREACH', 'CONNECT_TIMEOUT', /did not answer/],
    ['EHOSTUNREACH ENETUNREACH', 'HOST_UNREACHABLE', /unreachable/],
    ['ENETUNREACH', 'NETWORK_UNREACHABLE', /network that is unreachable/],
    ['ECONNRESET', 'CONNECT_RESET', /reset/],
    ['EMFILE', 'LIMIT_REACHED', /file descriptor/],
    ['EACCES', 'HOST_UNREACHABLE', /firewall/],
    ['EWHATEVER', 'CONNECT_FAILED', /\(EWHATEVER\)/],
    ['ECONNREFUSED '.repeat(6).trim(), 'CONNECT_REFUSED', /10\.0\.0\.3 and 2 more\)$/],
  ]
  for (const [errnos, code, message] of rows) {
    const failures = errnos.split(' ').map((errno, index) => ({
      address: `10.0.0.${index}`,
      error: Object.assign(new Error(errno), { code: errno }),
    }))
    const error = connectError(NAME, failures)
    t.equal(error.code, code, errnos)
    t.match(error.message, message)
    t.same(error.hop, { kind: 'target', host: 'registry.example', port: 443 })
  }
  t.end()
})

t.test('what is resolved is judged, and what passed is dialled', async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const judged: unknown[] = []
  let resolved = 0
  const query = { target: NAME, client: {} } as RouteQuery
  const make = (overrides: Partial<DirectOptions> = {}) =>
    createDirectDialer({
      clock: systemClock,
      isOwnEndpoint: () => false,
      resolver: {
        resolve: async () => {
          resolved += 1
          return [entry('169.254.169.254'), entry('127.0.0.1'), entry('10.255.255.1')]
        },
      },
      judge: (address, port, asker) => {
        judged.push([address, port, asker])
        return address.startsWith('127.') ? undefined : new GatewayError('ACCESS_DENIED', `${address} is denied`)
      },
      ...overrides,
    })
  const target = { ...NAME, port: echo.port }
  const signal = new AbortController().signal

  await t.test('one passes', async (t) => {
    const conn = await make().dial(target, { signal, query })
    conn.end('hello')
    t.equal((await readAll(conn)).toString(), 'hello')
    t.equal(resolved, 1)
    t.same(
      judged.map((row) => (row as unknown[])[0]),
      ['169.254.169.254', '127.0.0.1', '10.255.255.1'],
    )
    t.equal((judged[0] as unknown[])[2], query)
  })
  await t.test('none passes: the error of the first', async (t) => {
    const judge: DirectOptions['judge'] = (address) => new GatewayError('ACCESS_DENIED', `${address} is denied`)
    const error = await failure(make({ judge }).dial(target, { signal, query }))
    t.equal(error.message, '169.254.169.254 is denied')
    t.equal(echo.accepted, 1)
  })
  await t.test('an address is judged too', async (t) => {
    const error = await failure(make().dial({ host: '10.1.2.3', family: 4, port: 1 }, { signal }))
    t.equal(error.code, 'ACCESS_DENIED')
  })
  await t.test('an address that leads to others, of which one is refused: the client is told why', async (t) => {
    const dialer = make({ leadsTo: () => ['127.0.0.1', '10.1.2.3'] })
    const port = await unusedPort()
    const error = await failure(dialer.dial({ host: '192.168.65.254', family: 4, port }, { signal, query }))
    t.equal(
      error.message,
      `192.168.65.254:${port} refused the connection (tried 127.0.0.1; left out: 10.1.2.3 is denied)`,
    )
  })
  await t.test('the gateway itself', async (t) => {
    const isOwnEndpoint: DirectOptions['isOwnEndpoint'] = (address, port) =>
      address === '127.0.0.1' && port === echo.port
    const error = await failure(make({ isOwnEndpoint }).dial(target, { signal }))
    t.equal(error.code, 'LOOP_DETECTED')
    t.equal(echo.accepted, 1)
    const conn = await make({ isOwnEndpoint, judge: () => undefined }).dial(target, { signal, query })
    conn.destroy()
    t.pass('a client’s flow is the judge’s affair: access.allow can make an exception')
  })
  await t.test('refused', async (t) => {
    const error = await failure(make().dial({ ...NAME, port: await unusedPort() }, { signal }))
    t.equal(error.code, 'CONNECT_REFUSED')
    t.match(error.message, /refused the connection \(tried 127\.0\.0\.1; left out: 169\.254\.169\.254 is denied\)$/)
  })
})

t.test('keep-alive: a stall of a VPN is survived', { skip: process.platform !== 'linux' }, async (t) => {
  const { keepsAlive, PATIENT } = await import('../../fixtures/keeps-alive.ts')
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const dialer = createDirectDialer({
    clock: systemClock,
    isOwnEndpoint: () => false,
    resolver: { resolve: async () => [] },
    judge: () => undefined,
  })
  const target = { host: '127.0.0.1', family: 4, port: echo.port } as const
  const conn = await dialer.dial(target, { signal: new AbortController().signal })
  t.same(keepsAlive(streamDescriptor(conn)), PATIENT)
  conn.destroy()
})

t.test('a bare deadline comes back as an error that says where it struck', async (t) => {
  const deadline = new GatewayError('CONNECT_TIMEOUT', 'time is up')
  const controller = new AbortController()
  const dialer = createDirectDialer({
    clock: systemClock,
    isOwnEndpoint: () => false,
    judge: () => undefined,
    resolver: {
      resolve: (_name, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    },
  })
  const dialing = failure(dialer.dial(NAME, { signal: controller.signal }))
  controller.abort(deadline)
  const error = await dialing
  t.equal(error.code, 'CONNECT_TIMEOUT')
  t.equal(error.message, 'registry.example:443: the name could not be resolved in time')
  t.same(error.hop, { kind: 'target', host: 'registry.example', port: 443 })
  t.equal(error.cause, deadline)
})
