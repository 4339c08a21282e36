import t from 'tap'
import { PacEvaluator } from '../../../src/pac-engine/pac-evaluator.ts'

t.test('shExpMatch: a pattern that is an object is taken where a browser takes it', async (t) => {
  const evaluator = new PacEvaluator({ resolver: { resolve: async () => [] } })
  t.teardown(() => evaluator.close())
  const answer = async (expression: string) => {
    const script = `function FindProxyForURL() { try { return String(${expression}) } catch (e) { return e.name } }`
    return (await evaluator.evaluate({ script, origin: 'test', url: 'http://a/', host: 'a' })).result
  }
  // Chromium calls `pattern.replace`.
  t.equal(await answer('shExpMatch("a.b", new String("a.b"))'), 'true')
  t.equal(await answer('shExpMatch("axb", new String("a.b"))'), 'false')
  t.equal(await answer('shExpMatch(new String("a.b"), new String("*b"))'), 'true')
  for (const none of ['["a.b"]', '{}', 'null', 'undefined', '1', 'true', '/a/']) {
    t.equal(await answer(`shExpMatch("a.b", ${none})`), 'TypeError', none)
  }
})
