import t from 'tap'
import { type Clock, systemClock } from '../../../src/contracts/clock.ts'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import type { Resolver } from '../../../src/contracts/resolver.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { ask, engineFor } from './engine-under-test.ts'

// Chromium keeps what an execution has been told of names for the whole of it (proxy_resolver_v8_tracing.cc, dns_cache_ of each job).

/** Names with `slow` in them do not resolve, and take their whole time to say so; what that takes is only said by the clock. */
function slowNames() {
  let later = 0
  const asked: string[] = []
  const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + later }
  const resolver: Resolver = {
    async resolve(name) {
      asked.push(name)
      if (!name.includes('slow')) return [{ address: '192.0.2.1', family: 4 }]
      later += DEFAULT_LIMITS.dnsNameMs
      throw new GatewayError('RESOLVE_FAILED', `${name} took too long to resolve`)
    },
  }
  return {
    clock,
    resolver,
    asked,
    pass: (ms: number) => {
      later += ms
    },
  }
}

const names = (count: number, prefix: string) => Array.from({ length: count }, (_, i) => `${prefix}${i}.test`)

const inTurn = (list: readonly string[]) =>
  list.map((name) => `if (isResolvable("${name}")) return "PROXY ${name}:1"`).join('\n')

t.test('a script that asks for slow names one after the other decides', async (t) => {
  const { clock, resolver, asked } = slowNames()
  const slow = names(12, 'slow')
  const script = `function FindProxyForURL() { ${inTurn(slow)}; return "DIRECT" }`
  const engine = engineFor(t, script, { clock, resolver })
  await engine.ready
  t.equal(await ask(engine, 'a'), 'DIRECT')
  t.same([...new Set(asked)], slow)
})

t.test('what it was told while it was known to all holds too', async (t) => {
  const { clock, resolver, asked, pass } = slowNames()
  const script = `function FindProxyForURL(url, host) {
    var first = dnsResolve("first.test")
    if (host === "a") return "PROXY " + first + ":1"
    return isResolvable("slow1.test") || isResolvable("slow2.test") || isResolvable("slow3.test") ? "" : "PROXY " + first + ":2" }`
  const engine = engineFor(t, script, { clock, resolver })
  t.equal(await ask(engine, 'a'), 'PROXY 192.0.2.1:1')
  pass(DEFAULT_LIMITS.dnsGoodMs - 1_000)
  t.equal(await ask(engine, 'b'), 'PROXY 192.0.2.1:2')
  t.equal(asked.filter((name) => name === 'first.test').length, 1)
  t.same([...new Set(asked)], ['first.test', 'slow1.test', 'slow2.test', 'slow3.test'])
})

t.test('the same of global code, and of that of a VM that is put back', async (t) => {
  const { clock, resolver, asked, pass } = slowNames()
  const slow = names(12, 'slow')
  const script = `var found = [${slow.map((name) => `isResolvable("${name}")`).join()}]
    function FindProxyForURL(url, host) {
      if (host === "deep") { (function f() { f() })() }
      return "PROXY p:" + found.length }`
  const engine = engineFor(t, script, { clock, resolver, startNamesMs: 600_000 })
  await engine.ready
  t.equal(await ask(engine, 'a'), 'PROXY p:12')
  t.same(asked, slow)
  pass(DEFAULT_LIMITS.dnsBadMs * 100)
  t.match(await ask(engine, 'deep'), { code: 'PAC_FAILED' })
  t.equal(await ask(engine, 'b'), 'PROXY p:12')
  t.same(asked, slow, 'nobody waits for them again')
})

t.test('what holds for one evaluation is nothing to another', async (t) => {
  const { clock, asked, pass } = slowNames()
  let address = '192.0.2.1'
  const waiting: (() => void)[] = []
  const resolver: Resolver = {
    async resolve(name) {
      asked.push(name)
      const mine = address
      if (name === 'held.test') await new Promise<void>((resolve) => waiting.push(resolve))
      return [{ address: mine, family: 4 }]
    },
  }
  const script = `function FindProxyForURL(url, host) {
    var first = dnsResolve("first.test"); if (host === "a") dnsResolve("held.test"); return "PROXY " + first + ":1" }`
  const engine = engineFor(t, script, { clock, resolver })
  const held = ask(engine, 'a')
  while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve))
  pass(DEFAULT_LIMITS.dnsGoodMs)
  address = '192.0.2.2'
  t.equal(await ask(engine, 'b'), 'PROXY 192.0.2.2:1')
  waiting[0]?.()
  t.equal(await held, 'PROXY 192.0.2.1:1')
  t.equal(await ask(engine, 'c'), 'PROXY 192.0.2.2:1')
  t.equal(await ask(engine, 'a'), 'PROXY 192.0.2.2:1', 'and is not remembered as if it still held')
})

t.test('a name that takes its whole time is asked for again behind, while scripts ask for it', async (t) => {
  const { clock, pass } = slowNames()
  const answers: ((found: boolean) => void)[] = []
  const resolver: Resolver = {
    resolve: () =>
      new Promise((resolve, reject) =>
        answers.push((found) =>
          found ? resolve([{ address: '192.0.2.1', family: 4 }]) : reject(new GatewayError('RESOLVE_FAILED', 'none')),
        ),
      ),
  }
  const asked = async (count: number) => {
    while (answers.length < count) await new Promise((resolve) => setImmediate(resolve))
  }
  const engine = engineFor(t, 'function FindProxyForURL() { return "PROXY " + dnsResolve("slow.test") + ":1" }', {
    clock,
    resolver,
  })
  await engine.ready
  const first = ask(engine, 'a')
  await asked(1)
  pass(DEFAULT_LIMITS.dnsNameMs)
  answers[0]?.(false)
  t.equal(await first, 'PROXY null:1')
  pass(DEFAULT_LIMITS.dnsBadMs)
  t.equal(await ask(engine, 'b'), 'PROXY null:1', 'nobody waits')
  await asked(2)
  answers[1]?.(true)
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(await ask(engine, 'c'), 'PROXY 192.0.2.1:1')
  pass(DEFAULT_LIMITS.dnsGoodMs)
  const later = ask(engine, 'd')
  await asked(3)
  answers[2]?.(true)
  t.equal(await later, 'PROXY 192.0.2.1:1', 'one that answers is waited for')
})
