import type { Worker } from 'node:worker_threads'
import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import type { PacDns } from '../../../src/pac-engine/pac-dns.ts'
import { ScriptInUse } from '../../../src/pac-engine/script-in-use.ts'
import type { VmOutcome } from '../../../src/pac-engine/vm-outcome.ts'

const scriptOf = (text: string) => ({ text, sha256: text, readAt: 0 })

t.test('a version on disk that loads slowly does not replace the one that came meanwhile', async (t) => {
  const answers = new Map<string, string>()
  let [asked, resolved] = [() => {}, () => {}]
  const loading = new Promise<void>((resolve) => {
    asked = resolve
  })
  const looked = new Promise<void>((resolve) => {
    resolved = resolve
  })
  const inUse = new ScriptInUse({
    origin: 'script',
    way: {},
    limits: { ...DEFAULT_LIMITS, threads: 1, standbyMs: 600_000 },
    clock: systemClock,
    dns: {
      entries: () => [...answers],
      answersTo: () => [],
      async resolve() {
        asked()
        await looked
        answers.set('wpad.test', '192.0.2.1')
        return [['wpad.test', '192.0.2.1']]
      },
    } as unknown as PacDns,
    log: () => {},
    alerts: { tell() {} },
    changed: () => {},
  })
  t.teardown(() => inUse.close())
  const stored = scriptOf('var office = dnsResolve("wpad.test"); function FindProxyForURL() { return "DIRECT" }')
  const fetched = scriptOf('function FindProxyForURL() { return "PROXY a:1" }')
  const older = inUse.use(stored, (before) => before === undefined)
  await loading
  t.equal(await inUse.use(fetched), true)
  resolved()
  t.equal(await older, false)
  t.equal(inUse.version?.script, fetched)
})

t.test('a name that is forgotten while a version loads is asked for again; no change copies the table', async (t) => {
  const table = new Map<string, string>()
  const asked: string[] = []
  let copies = 0
  const inUse: ScriptInUse = new ScriptInUse({
    origin: 'script',
    way: {},
    limits: { ...DEFAULT_LIMITS, threads: 1, standbyMs: 600_000 },
    clock: systemClock,
    dns: {
      entries() {
        copies++
        return [...table]
      },
      answersTo: () => [],
      async resolve([name]: [string]) {
        asked.push(name)
        // Another network: the name before is known no more.
        if (name === 'b.test') {
          table.delete('a.test')
          inUse.learn([['a.test']])
        }
        table.set(name, `192.0.2.${asked.length}`)
        return []
      },
    } as unknown as PacDns,
    log: () => {},
    alerts: { tell() {} },
    changed: () => {},
  })
  t.teardown(() => inUse.close())
  const text = `var found = [dnsResolve("a.test"), dnsResolve("b.test")]
    function FindProxyForURL() { return found.join(" ") }`
  await inUse.use(scriptOf(text))
  t.same(asked, ['a.test', 'b.test', 'a.test'])
  const outcome = await new Promise<VmOutcome>((settle) =>
    inUse.version?.pool.run({ url: 'http://a:80', host: 'a' }, false, settle),
  )
  t.match(outcome, { answer: '192.0.2.3 192.0.2.2' })
  const before = copies
  for (let i = 0; i < 100; i++) inUse.learn([[`name${i}.test`, '192.0.2.9']])
  t.equal(copies, before)
})

t.test('one that still loads asks for no further name once all is closed', async (t) => {
  const asked: string[] = []
  const inUse: ScriptInUse = new ScriptInUse({
    origin: 'script',
    way: {},
    limits: { ...DEFAULT_LIMITS, threads: 1, standbyMs: 600_000 },
    clock: systemClock,
    dns: {
      entries: () => [],
      answersTo: () => [],
      async resolve([name]: [string]) {
        asked.push(name)
        await inUse.close()
        return [[name, '192.0.2.1']]
      },
    } as unknown as PacDns,
    log: () => {},
    alerts: { tell() {} },
    changed: () => {},
  })
  const text = 'dnsResolve("a.test"); dnsResolve("b.test"); function FindProxyForURL() { return "DIRECT" }'
  await t.rejects(inUse.use(scriptOf(text)), { code: 'SHUTTING_DOWN' })
  t.same(asked, ['a.test'])
})

t.test('a script whose names are not looked up leaves no thread behind', async (t) => {
  const threads: Worker[] = []
  const noteThread = (thread: Worker) => threads.push(thread)
  process.on('worker', noteThread)
  t.teardown(() => process.off('worker', noteThread))
  t.teardown(() => Promise.all(threads.map((thread) => thread.terminate())))
  const inUse = new ScriptInUse({
    origin: 'script',
    way: {},
    limits: DEFAULT_LIMITS,
    clock: systemClock,
    dns: {
      entries: () => [],
      answersTo: () => [],
      async resolve() {
        throw new GatewayError('LIMIT_REACHED', 'its turn did not come')
      },
    } as unknown as PacDns,
    log: () => {},
    alerts: { tell() {} },
    changed: () => {},
  })
  const text = 'var office = dnsResolve("wpad.test"); function FindProxyForURL() { return "DIRECT" }'
  await t.rejects(inUse.use(scriptOf(text)), { code: 'LIMIT_REACHED' })
  t.equal(threads.length, 1)
  t.equal(threads[0]?.threadId, -1, 'it has ended')
  t.equal(inUse.version, undefined)
})
