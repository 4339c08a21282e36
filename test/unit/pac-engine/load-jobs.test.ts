import t from 'tap'
import { ask, engineFor, tableResolver } from './engine-under-test.ts'

t.test('what global code leaves to its promises is done before the first question, as in Chromium', async (t) => {
  const script = `var ready = "no", office = "none"
    Promise.resolve().then(function () { ready = "yes"; return Promise.resolve() }).then(function () { office = dnsResolve("office.test") })
    function FindProxyForURL() { return ready + " " + office }`
  const resolver = tableResolver({ 'office.test': ['192.0.2.7'] })
  const engine = engineFor(t, script, { resolver })
  t.equal(await ask(engine, 'a'), 'yes 192.0.2.7')
})

t.test('jobs without end are a script that takes too long to load', async (t) => {
  const script = `function again() { Promise.resolve().then(again) } again(); function FindProxyForURL() { return "DIRECT" }`
  const engine = engineFor(t, script, { limits: { loadMs: 200, evaluateMs: 200 } })
  t.match(await ask(engine, 'a'), { code: 'PAC_FAILED', message: /the script ran too long/ })
})
