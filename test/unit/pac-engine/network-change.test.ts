import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import type { ResolvedAddress } from '../../../src/contracts/resolver.ts'
import { until } from '../../fixtures/until.ts'
import { ask, engineFor } from './engine-under-test.ts'

t.test('a lookup that the old network answers is not believed in the new one', async (t) => {
  const waiting: ((addresses: ResolvedAddress[]) => void)[] = []
  const engine = engineFor(t, 'function FindProxyForURL(url, host) { return "" + dnsResolve("proxy.example") }', {
    resolver: { resolve: () => new Promise((resolve) => waiting.push(resolve)) },
  })
  const asked = async (count: number) => {
    while (waiting.length < count) await new Promise((resolve) => setImmediate(resolve))
  }
  await engine.ready
  const before = ask(engine, 'a')
  await asked(1)
  await engine.networkChanged()
  const after = ask(engine, 'a')
  await asked(2)
  waiting[0]?.([{ address: '192.0.2.1', family: 4 }])
  waiting[1]?.([{ address: '198.51.100.1', family: 4 }])
  t.equal(await after, '198.51.100.1')
  t.equal(await before, '198.51.100.1', 'who waited gets what holds now, too')
  t.equal(await ask(engine, 'a'), '198.51.100.1')
})

t.test('an evaluation begun in the old network is not remembered in the new one', async (t) => {
  let mine = '192.0.2.1'
  const engine = engineFor(
    t,
    `function FindProxyForURL(url, host) { var at = myIpAddress(); for (var i = 0; i < 3e5; i++); return at }`,
    { myAddresses: async () => [mine], limits: { threads: 1 } },
  )
  t.equal(await ask(engine, 'warm'), '192.0.2.1')
  const before = ask(engine, 'a')
  await new Promise((resolve) => setImmediate(resolve))
  mine = '198.51.100.1'
  await engine.networkChanged()
  await before
  t.equal(await ask(engine, 'a'), '198.51.100.1')
})

t.test('a script whose global code asked nothing of the network is not loaded again', async (t) => {
  const said: string[] = []
  const engine = engineFor(t, 'function FindProxyForURL(url, host) { return "DIRECT" }', {
    log: (_, message) => said.push(message),
  })
  await engine.ready
  await engine.networkChanged()
  t.equal(await ask(engine, 'a'), 'DIRECT')
  t.equal(said.filter((line) => line.includes('in use')).length, 1)
})

t.test('what a script kept of the old network in its variables is gone in the new one', async (t) => {
  let mine = '192.0.2.1'
  const script = `var mine = null, found = {}
    function FindProxyForURL(url, host) {
      if (mine === null) mine = myIpAddress()
      if (!(host in found)) found[host] = dnsResolve("proxy.test")
      return "PROXY " + mine + ":1; PROXY " + found[host] + ":2" }`
  const engine = engineFor(t, script, {
    myAddresses: async () => [mine],
    resolver: { resolve: async () => [{ address: mine, family: 4 }] },
    limits: { threads: 2 },
  })
  await engine.ready
  const hosts = Array.from({ length: 20 }, (_, i) => `host${i}`)
  for (const address of ['192.0.2.1', '198.51.100.1', '203.0.113.1']) {
    mine = address
    if (address !== '192.0.2.1') await engine.networkChanged()
    const answers = await Promise.all(hosts.map((host) => ask(engine, host)))
    t.same([...new Set(answers)], [`PROXY ${address}:1; PROXY ${address}:2`])
  }
})

t.test('a version that is loaded anew keeps its age, which counts from its last confirmation', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-pac-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const path = join(folder, 'proxy.pac')
  await writeFile(
    path,
    'var mine = myIpAddress(); function FindProxyForURL(url, host) { return "PROXY " + mine + ":1" }',
  )
  let now = 1_000_000
  let mine = '192.0.2.1'
  const engine = engineFor(t, '', {
    source: { kind: 'file', path },
    clock: { ...systemClock, wall: () => now, monotonic: () => now, elapsed: () => now },
    lastGoodMs: 60_000,
    myAddresses: async () => [mine],
  })
  await engine.ready
  now += 600_000
  await engine.refresh()
  t.equal(engine.status().fetchedAt, now, 'confirmed')
  await rm(path)
  mine = '198.51.100.1'
  await engine.networkChanged()
  await engine.refresh()
  t.match(engine.status().failure, /ENOENT/)
  t.equal(engine.status().fetchedAt, now)
  t.equal(await ask(engine, 'a'), 'PROXY 198.51.100.1:1', 'stays in use in the new network')
})

t.test('a name whose turn does not come in the new network decides nothing about the script', async (t) => {
  for (const settings of [
    { onPacFailure: 'block' },
    { onPacFailure: 'direct' },
    { onPacFailure: 'lastGood', lastGoodMs: 0 },
  ] as const) {
    let address: string | undefined = '192.0.2.1'
    const script = `var office = dnsResolve("office.test")
      function FindProxyForURL() { return "PROXY " + office + ":1" }`
    const engine = engineFor(t, script, {
      ...settings,
      resolver: {
        async resolve() {
          if (!address) throw new GatewayError('LIMIT_REACHED', 'too many lookups wait')
          return [{ address, family: 4 }]
        },
      },
    })
    t.equal(await ask(engine, 'a'), 'PROXY 192.0.2.1:1')
    address = undefined
    await engine.networkChanged()
    t.match(engine.status(), { sha256: String, failure: undefined }, settings.onPacFailure)
    t.match(await ask(engine, 'a'), { code: 'LIMIT_REACHED' })
    address = '198.51.100.1'
    t.equal(await ask(engine, 'a'), 'PROXY 198.51.100.1:1')
  }
})

t.test('a network that flaps has one load of a script under way, not one for each change', async (t) => {
  let threads = 0
  const noteThread = () => threads++
  process.on('worker', noteThread)
  t.teardown(() => process.off('worker', noteThread))
  const waiting: ((addresses: ResolvedAddress[]) => void)[] = []
  const script = `var office = dnsResolve("office.test")
    function FindProxyForURL() { return "PROXY " + office + ":1" }`
  const engine = engineFor(t, script, {
    onPacFailure: 'block',
    limits: { dnsNames: 1 },
    resolver: { resolve: () => new Promise((resolve) => waiting.push(resolve)) },
  })
  const answer = (address: string) => {
    for (const resolve of waiting.splice(0)) resolve([{ address, family: 4 }])
  }
  await until('the name is asked for', () => waiting.length > 0)
  answer('192.0.2.1')
  t.equal(await ask(engine, 'a'), 'PROXY 192.0.2.1:1')
  threads = 0
  const changes = Array.from({ length: 10 }, () => engine.networkChanged())
  let settled = false
  void Promise.all(changes).then(() => {
    settled = true
  })
  await until('the last network is known', () => {
    answer('198.51.100.1')
    return settled
  })
  t.equal(threads, 1)
  t.equal(await ask(engine, 'a'), 'PROXY 198.51.100.1:1')
})

t.test('a newer script that cannot be loaded for a name without a turn leaves the one in use', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-pac-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const path = join(folder, 'proxy.pac')
  await writeFile(path, 'function FindProxyForURL() { return "PROXY old:1" }')
  let busy = true
  const engine = engineFor(t, '', {
    source: { kind: 'file', path },
    onPacFailure: 'block',
    resolver: {
      async resolve() {
        if (busy) throw new GatewayError('LIMIT_REACHED', 'too many lookups wait')
        return [{ address: '192.0.2.1', family: 4 }]
      },
    },
  })
  t.equal(await ask(engine, 'a'), 'PROXY old:1')
  await writeFile(path, 'var office = dnsResolve("office.test"); function FindProxyForURL() { return "PROXY new:1" }')
  await engine.refresh()
  t.match(engine.status().failure, /waits behind others/)
  t.equal(await ask(engine, 'b'), 'PROXY old:1')
  busy = false
  await engine.refresh()
  t.equal(await ask(engine, 'c'), 'PROXY new:1')
})

t.test('a reading that the old network never answers begins anew in the new one', async (t) => {
  const requests: http.ServerResponse[] = []
  let reachable = false
  const server = http.createServer((_, response) => {
    requests.push(response)
    if (reachable) response.end('function FindProxyForURL() { return "PROXY new:1" }')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close().closeAllConnections())
  const { port } = server.address() as net.AddressInfo
  const said: string[] = []
  const engine = engineFor(t, '', {
    source: {
      kind: 'url',
      url: `http://127.0.0.1:${port}/proxy.pac`,
      dialer: {
        dial: async ({ host, port }) => {
          const socket = net.connect({ host, port, allowHalfOpen: true })
          await new Promise((resolve) => socket.once('connect', resolve))
          return socket
        },
      },
    },
    log: (level, message) => level === 'warn' && said.push(message),
    // What would give up a reading, begin the next one, or answer without.
    clock: { ...systemClock, after: (ms, task) => (ms >= 1_000 ? () => {} : systemClock.after(ms, task)) },
  })
  while (requests.length < 1) await new Promise((resolve) => setImmediate(resolve))
  reachable = true
  await engine.networkChanged()
  t.equal(await ask(engine, 'a'), 'PROXY new:1')
  t.equal(requests.length, 2)
  t.same([said, engine.status().failure], [[], undefined], 'the one that was given up is no failure')
})

t.test(
  'a version that the new network takes out of use is read again, also where its source cannot change',
  async (t) => {
    let skipped = 0
    let mine = ['192.0.2.1']
    const engine = engineFor(
      t,
      `if (myIpAddress() === "127.0.0.1") throw new Error("no address")
      function FindProxyForURL(url, host) { return "PROXY here:1" }`,
      {
        onPacFailure: 'block',
        // The waits after failures pass in a moment.
        clock: {
          ...systemClock,
          monotonic: () => systemClock.monotonic() + skipped,
          after(ms, task) {
            if (![8_000, 32_000, 120_000].includes(ms)) return systemClock.after(ms, task)
            return systemClock.after(10, () => {
              skipped += ms
              task()
            })
          },
        },
        myAddresses: async () => mine,
      },
    )
    t.equal(await ask(engine, 'a'), 'PROXY here:1')
    mine = []
    await engine.networkChanged()
    await until('that it is out of use', () => engine.status().failure !== undefined)
    mine = ['192.0.2.1']
    await until('the next try', () => engine.status().failure === undefined)
    t.equal(await ask(engine, 'a'), 'PROXY here:1')
  },
)

t.test('who waits for a name while the script is taken out of use hears why it was', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-pac-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const path = join(folder, 'proxy.pac')
  await writeFile(path, 'function FindProxyForURL() { return "PROXY " + dnsResolve("slow.test") + ":1" }')
  let answer: ((addresses: ResolvedAddress[]) => void) | undefined
  const engine = engineFor(t, '', {
    source: { kind: 'file', path },
    onPacFailure: 'block',
    resolver: {
      resolve: () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    },
  })
  const waiting = ask(engine, 'a')
  await until('the name is asked for', () => answer !== undefined)
  await rm(path)
  await engine.refresh()
  answer?.([{ address: '192.0.2.1', family: 4 }])
  t.match(await waiting, { code: 'PAC_FAILED', message: /cannot read the PAC file .*: ENOENT/ })
})
