import t from 'tap'
import { engineFor } from './engine-under-test.ts'

t.test('what is left out of a trace is counted', async (t) => {
  const script = `function FindProxyForURL(url, host) {
    if (host === "few") return isPlainHostName(host) ? "DIRECT" : ""
    for (var i = 0; i < 40; i++) shExpMatch(host, "*.r" + i)
    for (i = 0; i < 25; i++) alert(i)
    return "DIRECT" }`
  const engine = engineFor(t, script)
  const trace = async (host: string) => {
    const query = { url: `http://${host}:80`, host, trace: true }
    return (await engine.find(query, new AbortController().signal)).trace
  }
  const many = await trace('many')
  t.equal(many?.calls.length, 32)
  t.equal(many?.moreCalls, 8)
  t.equal(many?.alerts?.length, 20)
  t.equal(many?.moreAlerts, 5)
  const few = await trace('few')
  t.equal(few?.calls.length, 1)
  t.notOk(few && ('moreCalls' in few || 'moreAlerts' in few))
})

t.test('what a script hands its helpers writes nothing but itself', async (t) => {
  const script = 'function FindProxyForURL(url, host) { return shExpMatch(host, "\\x1b[2J\\nbecause") ? "" : "DIRECT" }'
  const query = { url: 'http://a:80', host: 'a', trace: true }
  const { trace } = await engineFor(t, script).find(query, new AbortController().signal)
  t.same(trace?.calls[0]?.args, ['a', ' [2J because'])
})
