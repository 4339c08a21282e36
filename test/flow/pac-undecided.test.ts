import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { getThrough } from '../fixtures/clients.ts'
import { everythingIsLoopback, startTestGateway } from '../fixtures/gateway.ts'

t.test('a script that waits for a name for longer than timeouts.decision: onPacFailure says what then', async (t) => {
  const target = createServer((_, response) => response.end('reached'))
  target.listen(0, '127.0.0.1')
  await once(target, 'listening')
  t.teardown(() => target.close())
  const url = `http://a.test:${(target.address() as AddressInfo).port}/`
  for (const [onPacFailure, status] of [
    ['direct', 200],
    ['block', 503],
  ] as const) {
    const embeddedPac = 'function FindProxyForURL() { return isResolvable("vpn.test") ? "PROXY vpn.test:1" : "DIRECT" }'
    const settings = { proxy: { embeddedPac, onPacFailure }, timeouts: { decision: '100ms' } }
    const { port, flowCount } = await startTestGateway(t, settings, {
      resolver: {
        resolve: (name, ...rest) =>
          name === 'vpn.test' ? new Promise(() => {}) : everythingIsLoopback.resolve(name, ...rest),
      },
    })
    t.equal((await getThrough(port, url)).status, status, onPacFailure)
    const [flow] = await flowCount(1)
    t.match(flow, {
      because: { source: 'pac-failure', detail: /has not decided within 0\.1 s \(timeouts\.decision\)/ },
    })
    t.equal(flow?.error?.code, status === 200 ? undefined : 'PAC_FAILED')
  }
})
