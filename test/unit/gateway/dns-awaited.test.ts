import { type BindOptions, Socket } from 'node:dgram'
import { createServer, type ListenOptions, Server } from 'node:net'
import t, { type Test } from 'tap'
import { DnsService } from '../../../src/gateway/dns.ts'
import { createLog } from '../../../src/observe/log.ts'
import { Metrics } from '../../../src/observe/metrics.ts'
import { dnsQuery, seen } from '../../fixtures/dns-messages.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { loadText } from '../../fixtures/settings/load-text.ts'
import { udpPeer } from '../../fixtures/udp.ts'
import { until } from '../../fixtures/until.ts'
import { unusedPort } from '../../fixtures/upstreams/listen.ts'

/** An address that no machine has (RFC 5737), until a test says that it is loopback's, or that another program has come first to it. */
const BRIDGE = '192.0.2.77'

interface Start {
  bridge: 'absent' | 'taken' | 'there'
  /** Who drains here. */
  readonly draining?: string
}

function feigned(t: Test, { bridge }: Start) {
  const state: { bridge: Start['bridge'] } = { bridge }
  const { bind } = Socket.prototype
  const { listen } = Server.prototype
  const instead = <T extends { readonly address?: string | undefined }>(options: T): T =>
    options.address === BRIDGE && state.bridge === 'there' ? { ...options, address: '127.0.0.1' } : options
  Socket.prototype.bind = function feign(this: Socket, options: BindOptions) {
    if (options.address !== BRIDGE || state.bridge !== 'taken') return Reflect.apply(bind, this, [instead(options)])
    setImmediate(() => this.emit('error', Object.assign(new Error('bind EADDRINUSE'), { code: 'EADDRINUSE' })))
    return this
  } as typeof bind
  Server.prototype.listen = function feign(this: Server, ...given: [ListenOptions]) {
    const [{ host }] = given
    if (host !== BRIDGE) return Reflect.apply(listen, this, given)
    return Reflect.apply(listen, this, [{ ...given[0], host: instead({ address: host }).address }])
  } as typeof listen
  t.teardown(() => {
    Socket.prototype.bind = bind
    Server.prototype.listen = listen
  })
  return state
}

async function setUp(t: Test, start: Start = { bridge: 'absent' }) {
  const state = feigned(t, start)
  const clock = manualClock()
  const warned: string[] = []
  const asked: string[] = []
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const service = new DnsService({
    clock,
    resolver: {
      async resolve(name) {
        asked.push(name)
        await released
        return [{ address: '192.0.2.1', family: 4 }]
      },
    },
    networkWatch: { onChange: () => () => {}, close: () => {} },
    log: createLog({ level: 'warn', format: 'json' }, { write: (line) => void warned.push(JSON.parse(line).msg) }),
    metrics: new Metrics(
      () => 0,
      () => 0,
    ),
    directory: () => undefined,
    askers: { at: () => undefined, isContainers: () => false },
    ownerOf: (address) => address,
    dropped: () => {},
    draining: async () => start.draining,
  })
  t.teardown(() => service.close())
  const port = await unusedPort()
  const settings = async (more: string) => {
    const text = `{ dnsInhibition: none, dns: { listen: { address: "${BRIDGE}:${port}", from: 127.0.0.0/8 }${more} } }`
    const { loaded, printed } = await loadText(text)
    if (!loaded) throw new Error(printed)
    return loaded.settings
  }
  const pass = async () => {
    clock.advance(1_000)
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
  }
  const first = await service.prepare(await settings(''))
  first.commit()
  if (start.bridge === 'absent') t.match(warned.splice(0), [/has no address for 192\.0\.2\.77/])
  return { state, service, settings, pass, warned, asked, port, release: () => release() }
}

t.test('an address that comes while a reload is under way is taken by that, and by nobody else', async (t) => {
  const { state, service, settings, pass, warned } = await setUp(t)
  state.bridge = 'there'
  const next = await service.prepare(await settings(', timeout: 3s'))
  await pass()
  next.commit()
  await pass()
  t.same(warned, [])
  t.equal(service.addresses.length, 1)
})

t.test('the same where the reload is given up: the door comes back while it still answers', async (t) => {
  const { state, service, settings, pass, warned, asked, port, release } = await setUp(t)
  state.bridge = 'there'
  const next = await service.prepare(await settings(', timeout: 3s'))
  const client = await udpPeer(t)
  client.send(dnsQuery('slow.test', 'A'), { host: '127.0.0.1', port })
  await until('the question', () => asked.length === 1)
  next.abandon()
  await pass()
  t.same(warned, [])
  t.equal(service.addresses.length, 1)
  release()
  t.same(seen((await client.next()).data)?.answers, ['A 192.0.2.1'])
  client.send(dnsQuery('next.test', 'A'), { host: '127.0.0.1', port })
  t.same(seen((await client.next()).data)?.answers, ['A 192.0.2.1'], 'and it stays')
})

t.test('another program that came first to an awaited address stands in the way of no reload', async (t) => {
  const { state, service, settings, pass, warned } = await setUp(t)
  state.bridge = 'taken'
  await pass()
  t.match(warned, [/another program is listening there/])
  const next = await service.prepare(await settings(', timeout: 3s'))
  next.commit()
  await pass()
  t.equal(warned.length, 1, 'nor is it told again')
  state.bridge = 'there'
  await pass()
  t.equal(service.addresses.length, 1, 'and its going is waited for')
})

t.test('left to another gateway: what was asked is answered, and the address is free then', async (t) => {
  const { state, service, pass, asked, port, release } = await setUp(t)
  t.equal(service.leaveDoors(), false, 'it has none yet')
  state.bridge = 'there'
  await pass()
  const client = await udpPeer(t)
  client.send(dnsQuery('slow.test', 'A'), { host: '127.0.0.1', port })
  await until('the question', () => asked.length === 1)
  t.equal(service.leaveDoors(), true)
  t.same(service.names, [])
  release()
  t.same(seen((await client.next()).data)?.answers, ['A 192.0.2.1'])
  let isFree = false
  const look = () => {
    const server = createServer()
    server.once('error', () => {})
    server.listen(port, '127.0.0.1', () => {
      isFree = true
      server.close()
    })
  }
  await until('the address is free', () => {
    if (!isFree) look()
    return isFree
  })
})

t.test('an address that a gateway has which drains is waited for; one that anybody else has is not', async (t) => {
  await t.rejects(setUp(t, { bridge: 'taken' }), /another program is listening there/)
  const { state, service, pass, warned } = await setUp(t, { bridge: 'taken', draining: 'a gateway that drains' })
  await pass()
  t.match(warned, [/^dns\.listen: a gateway that drains may have 192\.0\.2\.77/])
  t.equal(warned.length, 1)
  state.bridge = 'there'
  await pass()
  t.equal(service.addresses.length, 1)
})

t.test('while this gateway itself drains it waits for no address', async (t) => {
  const { state, service, pass } = await setUp(t)
  service.drain()
  state.bridge = 'there'
  await pass()
  t.same(service.names, [])
})
