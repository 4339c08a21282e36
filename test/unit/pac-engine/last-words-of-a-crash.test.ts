import { setFlagsFromString } from 'node:v8'
import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { engineFor } from './engine-under-test.ts'

// As in a process that has just started: code that is not optimized needs more of the stack, whose end then comes before QuickJS sees it coming.
setFlagsFromString('--liftoff-only')

t.test('how far a script came is told where WebAssembly’s own stack ended', async (t) => {
  const script = `function deep() { return deep() + 1 }
    function FindProxyForURL(url, host) { shExpMatch(host, "*.example"); return deep() }`
  const engine = engineFor(t, script)
  const query = { url: 'http://deep.example:80', host: 'deep.example', trace: true }
  const failure = await engine.find(query, new AbortController().signal).catch((error: unknown) => error)
  t.ok(failure instanceof GatewayError)
  if (!(failure instanceof GatewayError)) return
  t.match(failure.message, /could not be run to its end \(recursion too deep\)/)
  t.match(failure.hint, /without end, or deeper than some 2,000 calls/)
  t.match(failure.pac?.calls, [{ name: 'shExpMatch', args: ['deep.example', '*.example'], answer: 'true' }])
})
