import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { engineFor } from './engine-under-test.ts'

t.test('the engine’s own words are not the script’s', async (t) => {
  const engine = engineFor(t, 'function FindProxyForURL() { for (;;); }', { limits: { evaluateMs: 50 } })
  const query = { url: 'http://a/?stopped&after=1&time', host: 'a' }
  await t.rejects(engine.find(query, new AbortController().signal), { message: /stopped after \d+ ms/ })
})

t.test('a query reaches neither the log, nor a trace, nor an error; who asks for a trace typed it', async (t) => {
  const lines: string[] = []
  const engine = engineFor(
    t,
    `function FindProxyForURL(url, host) {
       alert("asked for " + url)
       shExpMatch(url, "*/x")
       if (host === "bad") throw new Error("no way to " + url)
       if (host === "odd") return "PROXY \u00e9" + url
       return "DIRECT" }`,
    { log: (_level, line) => lines.push(line) },
  )
  const find = async (host: string, trace: boolean) => {
    try {
      return await engine.find(
        { url: `http://${host}/?token=secret-${trace}`, host, trace },
        new AbortController().signal,
      )
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      return { message: error.message, pac: error.pac }
    }
  }
  const quiet = JSON.stringify([await find('good', false), await find('bad', false), await find('odd', false), lines])
  t.match(quiet, /asked for http:\/\/good\/\?…/)
  t.match(quiet, /no way to http:\/\/bad\/\?…/)
  t.match(quiet, /outside ASCII \(\\"PROXY éhttp:\/\/odd\/\?…\\"\)/)
  t.notMatch(quiet, /secret/)
  t.match(JSON.stringify(await find('other', true)), /secret-true/)
})

t.test('where it failed is found by what it said, not by what is shown of that', async (t) => {
  const script = 'function FindProxyForURL(url, host) {\n if (host) throw "plain words"\n throw url }'
  const engine = engineFor(t, script)
  const query = { url: 'http://a/?q=plain+words', host: 'a' }
  await t.rejects(engine.find(query, new AbortController().signal), { message: /\(…\) at line 2, column 12/ })
})
