import t from 'tap'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { PacVm } from '../../../src/pac-engine/pac-vm.ts'
import { quickjsModule } from '../../../src/pac-engine/quickjs-module.ts'
import { engineFor, tableResolver } from './engine-under-test.ts'

// An evaluation ends at a name that is not known yet by an exception. A browser's end cannot be caught, so a script must gain nothing by catching it.

/** Each remembers what came of a name, also where that was the exception. */
const SCRIPTS = {
  'try and catch': `function look(host) {
    if (!(host in known)) try { known[host] = dnsResolve(host) } catch (error) { known[host] = null }
    return known[host] }`,
  'try, catch and on': `function look(host) {
    if (!(host in known)) try { known[host] = dnsResolve(host) } catch (error) { known[host] = null; throw error }
    return known[host] }`,
  finally: `function look(host) {
    if (!(host in known)) try { var found = dnsResolve(host) } finally { known[host] = found }
    return known[host] }`,
  'an iterator': `function look(host) {
    if (host in known) return known[host]
    var once = { next: function () { return { done: false, value: host } }, return: function () { if (!(host in known)) known[host] = null; return {} } }
    once[Symbol.iterator] = function () { return once }
    for (var name of once) { known[host] = dnsResolve(name); break }
    return known[host] }`,
  'an iterator of the language': `function look(host) {
    if (host in known) return known[host]
    Object.getPrototypeOf([].values()).return = function () { if (!(host in known)) known[host] = null; return {} }
    for (var name of [host]) { known[host] = dnsResolve(name); break }
    return known[host] }`,
  'a promise': `function look(host) {
    if (!(host in known)) new Promise(function () { known[host] = null; known[host] = dnsResolve(host) })
    return known[host] }`,
}

for (const [how, look] of Object.entries(SCRIPTS)) {
  const script = `var known = {}; ${look}
    function FindProxyForURL(url, host) { return "PROXY " + (look(host) ? "inside" : "outside") + ":1" }`

  t.test(`${how}: nothing of it stays`, async (t) => {
    const table = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`host${i}.test`, ['192.0.2.1']]))
    const engine = engineFor(t, script, { resolver: tableResolver(table) })
    const find = async (url: string, host: string) =>
      (await engine.find({ url, host }, new AbortController().signal)).result
    await engine.ready
    const hosts = [...Object.keys(table), 'none.test']
    const asked = hosts.flatMap((host) => [`http://${host}/`, `http://${host}/two`].map((url) => ({ url, host })))
    const answers = await Promise.all(asked.map(({ url, host }) => find(url, host)))
    t.same(
      answers,
      asked.map(({ host }) => (host === 'none.test' ? 'PROXY outside:1' : 'PROXY inside:1')),
    )
    for (const { url, host } of asked.slice(0, 3)) t.equal(await find(`${url}later`, host), 'PROXY inside:1')
  })
}

t.test('what stands behind it in its row is not run in the VM that it leaves', async (t) => {
  const vm = new PacVm(await quickjsModule(DEFAULT_LIMITS.memoryPages), DEFAULT_LIMITS)
  t.teardown(() => vm.dispose())
  const script = `var known = {}; ${SCRIPTS['try and catch']}
    function FindProxyForURL(url, host) { return host === "plain" ? "DIRECT" : look("a.test") ? "PROXY inside:1" : "PROXY outside:1" }`
  const row = ['plain', 'a', 'b', 'c'].map((host) => ({ url: `http://${host}/`, host }))
  await vm.load(script, { now: 0, dns: [] })
  const { is, outcomes } = { outcomes: [], ...(await vm.evaluateRow(row, { now: 0, trace: false })) }
  t.equal(is, 'mixed')
  t.match(outcomes, [{ answer: 'DIRECT' }, { is: 'missing', names: ['a.test'] }])
  t.equal(outcomes.length, 2)
  t.notOk(vm.usable, 'it is to be put back')
})

t.test('a script that does not catch it keeps its VM', async (t) => {
  const vm = new PacVm(await quickjsModule(DEFAULT_LIMITS.memoryPages), DEFAULT_LIMITS)
  t.teardown(() => vm.dispose())
  await vm.load('function FindProxyForURL(url, host) { return dnsResolve(host) }', { now: 0, dns: [] })
  const row = ['a.test', 'b.test'].map((host) => ({ url: `http://${host}/`, host }))
  t.match(await vm.evaluateRow(row, { now: 0, trace: false }), {
    outcomes: [{ names: ['a.test'] }, { names: ['b.test'] }],
  })
  t.ok(vm.usable)
})
