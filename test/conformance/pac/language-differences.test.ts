import t from 'tap'
import { PacEvaluator } from '../../../src/pac-engine/pac-evaluator.ts'

/** Rows of "Where Fairlead differs from browsers" in docs/pac.md: when QuickJS learns one of these, its row goes. */
const ROWS: readonly (readonly [code: string, here: string])[] = [
  ['function f() { return typeof f.arguments + typeof f.caller } return f(1)', 'undefinedundefined'],
  ['if (!host) isPlainHostName(host) = true', 'SyntaxError'],
  ['return "" + /(?i:a)/.test("A")', 'SyntaxError'],
  ['return "" + /(?<y>a)|(?<y>b)/.test("b")', 'SyntaxError'],
  ['try { new RegExp("(?i:a)") } catch (e) { return e.name }', 'SyntaxError'],
  ['{ using x = null }', 'SyntaxError'],
  ['return typeof Symbol.dispose + typeof Uint8Array.fromBase64', 'undefinedundefined'],
  ['return "" + "a".localeCompare("B")', '1'],
]

t.test('what the engine lacks of the language is what the documentation says', async (t) => {
  const evaluator = new PacEvaluator({ resolver: { resolve: async () => [] } })
  t.teardown(() => evaluator.close())
  for (const [code, here] of ROWS) {
    const script = `function FindProxyForURL(url, host) { ${code} }`
    const said = await evaluator.evaluate({ script, origin: 'test', url: 'http://a/', host: 'a' }).then(
      ({ result }) => result,
      (error: unknown) => (error instanceof Error ? error.message : ''),
    )
    t.match(said, new RegExp(here), code)
  }
})
