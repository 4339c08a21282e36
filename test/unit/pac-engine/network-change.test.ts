import t from 'tap'
import type { ResolvedAddress } from '../../../src/contracts/resolver.ts'
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
