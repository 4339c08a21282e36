import t from 'tap'
import { PacEvaluator } from '../../../src/pac-engine/pac-evaluator.ts'
import { tableResolver } from './engine-under-test.ts'

t.test('where its thread is ended, what ran in it is named', async (t) => {
  // The thread's end comes before those that the VM puts by itself, as where something in there asks nobody.
  const aLot = 600_000
  // Long enough to make a thread in, on a slow machine too.
  const limits = { loadMs: aLot, evaluateMs: aLot, graceMs: 3_000 - 2 * aLot }
  const evaluator = new PacEvaluator({ resolver: tableResolver({}), limits })
  t.teardown(() => evaluator.close())
  const ask = (script: string, host: string) =>
    evaluator.evaluate({ script, origin: 'a.pac', url: `http://${host}/`, host })
  await t.rejects(ask('for (;;); function FindProxyForURL() { return "DIRECT" }', 'a'), {
    message: 'PAC a.pac: the script ran too long (its thread was ended)',
  })
  const script = 'function FindProxyForURL(url, host) { while (host === "hang"); return "DIRECT" }'
  t.match(await ask(script, 'good'), { result: 'DIRECT' })
  await t.rejects(ask(script, 'hang'), {
    message: 'PAC a.pac: FindProxyForURL ran too long (its thread was ended)',
  })
  t.match(await ask(script, 'good'), { result: 'DIRECT' }, 'in another thread')
})
