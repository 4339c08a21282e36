import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { engineFor } from './engine-under-test.ts'

const SCRIPT = `
function deep() { return deep() + 1 }
function FindProxyForURL(url, host) {
  var kind = host.split(".")[0]
  alert("asked for " + host)
  shExpMatch(host, "*.example")
  if (kind === "loop") for (;;);
  if (kind === "deep") return deep()
  if (kind === "memory") for (var all = []; ; ) all.push(new Array(100000).fill(host))
  if (kind === "builtin") [].indexOf.call({ length: 2 ** 53 }, 1)
  if (kind === "late") {
    Error.prepareStackTrace = function () { for (;;); }
    try { null.x } catch (error) {}
    return "PROXY late:1"
  }
  return "DIRECT"
}`

t.test('how far a script came is told, however it ended', async (t) => {
  const lines: string[] = []
  const engine = engineFor(t, SCRIPT, { limits: { evaluateMs: 1_000 }, log: (_level, line) => lines.push(line) })
  const ask = async (host: string) => {
    try {
      return await engine.find({ url: `http://${host}:80`, host, trace: true }, new AbortController().signal)
    } catch (error) {
      if (error instanceof GatewayError) return error
      throw error
    }
  }
  for (const [kind, said] of [
    ['loop', /ran too long/],
    ['deep', /recursion|stack overflow/],
    ['memory', /MiB|ran too long/],
    ['builtin', /ran too long/],
    ['late', /ran too long/],
  ] as const) {
    let host = `${kind}.example`
    let failure = await ask(host)
    // A thread that a busy machine has not let begin in its second has not come far; a failure is remembered.
    for (let again = 0; again < 2 && failure instanceof GatewayError && !failure.pac?.calls.length; again += 1) {
      host = `${kind}.again${again}.example`
      failure = await ask(host)
    }
    t.ok(failure instanceof GatewayError, `${host}: ${JSON.stringify(failure)}`)
    if (!(failure instanceof GatewayError)) continue
    t.match(failure.message, said, host)
    t.match(failure.pac?.calls, [{ name: 'shExpMatch', args: [host, '*.example'], answer: 'true' }], `${host}: calls`)
    t.match(failure.pac?.alerts, [`asked for ${host}`], `${host}: alerts`)
    t.ok(
      lines.some((line) => line.includes(`asked for ${host}`)),
      `${host}: the log`,
    )
  }
  t.match(await ask('good.example'), { result: 'DIRECT' })
})
