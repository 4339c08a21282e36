import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { ask, engineFor } from './engine-under-test.ts'

const said = (lines: readonly string[]) =>
  lines.filter((line) => /alert: |more alerts/.test(line)).map((line) => line.replace(/^PAC embedded script:? /, ''))

t.test('what global code says is in the log, once', async (t) => {
  const lines: string[] = []
  const script = 'alert("global"); function FindProxyForURL() { alert("asked"); return "DIRECT" }'
  const engine = engineFor(t, script, { log: (_level, line) => lines.push(line), limits: { threads: 2 } })
  await engine.ready
  t.same(said(lines), ['alert: global'])
  await ask(engine, 'a')
  await engine.networkChanged()
  await ask(engine, 'b')
  t.same(said(lines), ['alert: global', 'alert: asked', 'alert: asked'])
})

for (const [how, end] of [
  ['throws', 'throw new Error("no")'],
  ['hangs', 'for (;;);'],
  ['recurses', 'function f() { return f() + 1 } f()'],
  ['has no function', ''],
]) {
  t.test(`also of a script whose global code ${how}, bounded`, async (t) => {
    const lines: string[] = []
    const engine = engineFor(t, `for (var i = 0; i < 100; i++) alert("line " + i)\n${end}`, {
      log: (_level, line) => lines.push(line),
      limits: { loadMs: 2_000 },
    })
    await engine.ready
    t.type(await ask(engine, 'a'), GatewayError)
    t.same(said(lines), [...Array.from({ length: 20 }, (_, i) => `alert: line ${i}`), '80 more alerts are not shown'])
    await engine.refresh()
    t.equal(said(lines).length, 21, 'told once, however often it is tried')
  })
}

t.test('of one that stopped for a name only what was said to the end', async (t) => {
  const lines: string[] = []
  const script =
    'alert("looking"); var a = dnsResolve("a.test"); alert("found " + a); function FindProxyForURL() { return "DIRECT" }'
  const engine = engineFor(t, script, { log: (_level, line) => lines.push(line) })
  await engine.ready
  t.same(said(lines), ['alert: looking', 'alert: found null'])
})
