import { test } from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { ask, engineFor } from './engine-under-test.ts'

const LIMITS = { evaluateMs: 300, graceMs: 150, memoryPages: 256 }

test('global code is held to the same', async (t) => {
  const rows: [string, RegExp][] = [
    ['while (true) {}', /the script ran too long/],
    ['Array.prototype.indexOf.call({ length: 2 ** 40 }, 1)', /the script ran too long/],
    ['const a = []; while (true) a.push(new Array(100).fill("x" + a.length))', /memory|too long/],
    ['function r() { r() } r()', /the script could not be run/],
    ['for (let i = 0; ; i++) dnsResolve("n" + i)', /ran too long/],
  ]
  for (const [script, expected] of rows) {
    const engine = engineFor(t, `${script}\nfunction FindProxyForURL() { return "DIRECT" }`, {
      limits: { ...LIMITS, loadMs: 1_000 },
    })
    await engine.ready
    const outcome = await ask(engine, 'any')
    t.match(outcome instanceof GatewayError ? outcome.message : outcome, expected, script)
    // One that had too little of a processor may be as good as any.
    const toBlame = outcome instanceof GatewayError && outcome.code === 'PAC_FAILED'
    t.equal(engine.loadFault?.message, toBlame ? outcome.message : undefined)
    await engine.close()
  }
})
