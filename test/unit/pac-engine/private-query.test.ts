import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { queryHider } from '../../../src/pac-engine/private-query.ts'
import { engineFor } from './engine-under-test.ts'

t.test('queryHider: what a URL’s query holds, wherever the script puts it', (t) => {
  const hide = queryHider('http://a.example/path?id=7&token=Secret-123&next=/some/where')
  for (const [text, shown] of [
    ['http://a.example/path?id=7&token=Secret-123&next=/some/where', 'http://a.example/path?…'],
    ['http://a.example/path?id=7&token=Sec', 'http://a.example/path?…'],
    ['http://a.example/path?id=7&token=Sec…', 'http://a.example/path?……'],
    ['HTTP://A.EXAMPLE/PATH?ID=7&TOKEN=SECRET-123', 'HTTP://A.EXAMPLE/PATH?…'],
    ['it is secret-123, again Secret-123', 'it is …, again …'],
    ['a.example', 'a.example'],
    ['*.example?.com', '*.example?.com'],
    ['7', '7'],
  ] as const)
    t.equal(hide(text), shown, text)
  const token = 'eyJhbGciOiJIUzI1NiJ9.'.repeat(20)
  const long = queryHider(`http://a.example/?token=${token}&pw=s3%26cr%2Bet%21`)
  t.equal(long(`D ${token.slice(0, 150)}…`), 'D …', 'a part that was cut off')
  t.equal(long(`D ${token.slice(0, 150)}`), 'D …')
  t.equal(long('it is s3&cr+et!, is it'), 'it is …, is it', 'read as it is meant')
  t.equal(queryHider('http://a/?x=%E0%A4%A')('as ever'), 'as ever', 'what cannot be read')
  const none = queryHider('http://a.example/path')
  t.equal(none('a?b'), 'a?b')
  const odd = queryHider('http://a/?token=secret')
  t.equal(odd('\u0130 secret'), '…', 'nothing is shown where places cannot be told')
  t.end()
})

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
  const quiet = JSON.stringify([await find('good', false), await find('bad', false), lines])
  t.match(quiet, /asked for http:\/\/good\/\?…/)
  t.match(quiet, /no way to http:\/\/bad\/\?…/)
  t.notMatch(quiet, /secret/)
  t.match(JSON.stringify(await find('other', true)), /secret-true/)
})
