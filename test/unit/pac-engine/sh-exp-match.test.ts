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

t.test(
  'shExpMatch: tens of thousands of patterns cost so many times what one does, whatever their shape',
  async (t) => {
    const limits = { loadMs: 60_000, evaluateMs: 60_000 }
    const evaluator = new PacEvaluator({ resolver: { resolve: async () => [] }, limits })
    t.teardown(() => evaluator.close())
    const cost = async (pattern: string) => {
      const script = `function FindProxyForURL() { for (var i = 0; i < 24000; i++) shExpMatch("x", ${pattern}); return "done" }`
      const before = process.cpuUsage()
      await evaluator.evaluate({ script, origin: 'test', url: 'http://a/', host: 'a' })
      const { user, system } = process.cpuUsage(before)
      return (user + system) / 1000
    }
    await cost('"warm"')
    const heads = await cost('"a" + i + "*"')
    const tails = await cost('"*a" + i')
    t.ok(tails < 5 * heads + 100, `${tails} ms of CPU, ${heads} ms`)
  },
)

const walk = (patterns: number, pattern: string, times: number) => `
  var rules = []; for (var i = 0; i < ${patterns}; i++) rules.push(${pattern})
  function FindProxyForURL() {
    var found = 0
    for (var t = 0; t < ${times}; t++) for (var i = 0; i < rules.length; i++) if (shExpMatch("www.site7.com", rules[i])) found++
    return "" + found
  }`

t.test('shExpMatch: a list as long as a script can hold is taken apart once', async (t) => {
  const limits = { loadMs: 60_000, evaluateMs: 60_000 }
  const evaluator = new PacEvaluator({ resolver: { resolve: async () => [] }, limits })
  t.teardown(() => evaluator.close())
  const cost = async (times: number) => {
    const before = process.cpuUsage()
    const script = walk(50_000, '"*.site" + i + ".com"', times)
    const { result } = await evaluator.evaluate({ script, origin: 'test', url: 'http://a/', host: 'a' })
    t.equal(result, `${times}`)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
  await cost(1)
  // The least of three: what other threads do meanwhile counts too.
  const least = async (times: number) => Math.min(await cost(times), await cost(times), await cost(times))
  const once = await least(1)
  const often = await least(41)
  t.ok(often < 10 * once + 100, `${often} ms of CPU, ${once} ms`)
})

t.test('shExpMatch: patterns for which there is no room left are right too', async (t) => {
  const limits = { loadMs: 60_000, evaluateMs: 60_000 }
  const evaluator = new PacEvaluator({ resolver: { resolve: async () => [] }, limits })
  t.teardown(() => evaluator.close())
  // Some 7,000 each time, so that the room is given to others on the way.
  const script = walk(33_000, 'i % 2 ? "www.site" + i + ".*" : "*.site" + i + "?com"', 80)
  const { result } = await evaluator.evaluate({ script, origin: 'test', url: 'http://a/', host: 'a' })
  t.equal(result, '80')
})
