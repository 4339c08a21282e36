import type { Worker } from 'node:worker_threads'
import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import type { PacDns } from '../../../src/pac-engine/pac-dns.ts'
import { ScriptInUse } from '../../../src/pac-engine/script-in-use.ts'

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
      async resolve() {
        throw new GatewayError('LIMIT_REACHED', 'its turn did not come')
      },
    } as unknown as PacDns,
    log: () => {},
    changed: () => {},
  })
  const text = 'var office = dnsResolve("wpad.test"); function FindProxyForURL() { return "DIRECT" }'
  await t.rejects(inUse.use({ text, sha256: '', fetchedAt: 0 }), { code: 'LIMIT_REACHED' })
  t.equal(threads.length, 1)
  t.equal(threads[0]?.threadId, -1, 'it has ended')
  t.equal(inUse.version, undefined)
})
