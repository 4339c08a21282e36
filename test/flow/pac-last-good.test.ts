import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { getThrough } from '../fixtures/clients.ts'
import { startTestGateway } from '../fixtures/gateway.ts'
import { until } from '../fixtures/until.ts'

const SCRIPT = 'function FindProxyForURL(url, host) { return "PROXY reject.docker.internal:1" }'

t.test('pac.lastGoodFor: how long the version before is used once its server fails', async (t) => {
  for (const [lastGoodFor, statusThen, said] of [
    ['1h', 403, 'the version before stays in use'],
    ['0s', 503, 'the server answered 503'],
    ['off', 503, 'the server answered 503'],
  ] as const) {
    let down = false
    const server = createServer((_, response) => (down ? response.writeHead(503).end() : response.end(SCRIPT)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const { port: wpad } = server.address() as AddressInfo
    const settings = { proxy: { pac: `http://127.0.0.1:${wpad}/proxy.pac` }, pac: { lastGoodFor } }
    const { port, lines, reload } = await startTestGateway(t, settings)
    t.equal((await getThrough(port, 'http://a.test/')).status, 403, `${lastGoodFor}: the script decides`)
    down = true
    await reload(settings)
    await until('the failed reading in the log', () => lines.some(({ msg }) => msg.includes('the server answered 503')))
    t.equal((await getThrough(port, 'http://a.test/')).status, statusThen, `${lastGoodFor}: afterwards`)
    t.ok(
      lines.some(({ msg }) => msg.includes(said)),
      said,
    )
  }
})

t.test(
  'a version that cannot be kept for want of a folder: said once, and by status; not where none is kept anyway',
  async (t) => {
    const server = createServer((_, response) => response.end(SCRIPT))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/proxy.pac`
    const told = async (proxy: object, env: Record<string, string>) => {
      const { port, lines, gateway, reload } = await startTestGateway(t, { proxy }, { env })
      t.equal((await getThrough(port, 'http://a.test/')).status, 403, 'it is in use')
      await reload({ proxy })
      const warned = lines.filter(({ msg }) => msg.includes('there is no folder to keep the PAC script in'))
      const shown = JSON.stringify(gateway.status().pac).includes('there is no folder to keep the PAC script in')
      return [warned.length, shown]
    }
    const state = t.testdir({})
    t.same(await told({ pac: url }, {}), [1, true])
    t.same(await told({ pac: url }, { STATE_DIRECTORY: state }), [0, false])
    t.same(await told({ pac: url, onPacFailure: 'block' }, {}), [0, false])
  },
)
