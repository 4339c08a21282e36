import { readdirSync, readFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import type { StreamDialer } from '../../../src/contracts/dialer.ts'
import { until } from '../../fixtures/until.ts'
import { ask, engineFor } from './engine-under-test.ts'

const dialer: StreamDialer = {
  dial: async ({ host, port }) => {
    const socket = net.connect({ host, port, allowHalfOpen: true })
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return socket
  },
}
const script = (body: string) => `function FindProxyForURL(url, host) { ${body} }`

t.test('a version that loads and never decides does not replace the one on disk, and is told of', async (t) => {
  let served: string | undefined = script('return "PROXY a:1"')
  const server = http.createServer((_, response) =>
    served === undefined ? response.writeHead(500).end() : response.end(served),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close().closeAllConnections())
  const { port } = server.address() as net.AddressInfo
  const cacheDir = t.testdir({})
  const lines: string[] = []
  const source = { kind: 'url', url: `http://127.0.0.1:${port}/proxy.pac`, dialer } as const
  const start = () => engineFor(t, '', { source, cacheDir, log: (level, line) => level === 'warn' && lines.push(line) })
  const onDisk = () =>
    readFileSync(join(cacheDir, readdirSync(cacheDir).find((name) => name.endsWith('.json'))!), 'utf8')

  const engine = start()
  await engine.ready
  t.match(onDisk(), 'PROXY a:1', 'the first one is there before it has decided: there is no other')
  t.equal(await ask(engine, 'a'), 'PROXY a:1')
  t.equal(engine.status().failedDecisions, undefined)

  served = script('return hosst + "DIRECT"')
  await engine.refresh()
  t.match(await ask(engine, 'a'), { code: 'PAC_FAILED', message: /hosst/ })
  t.match(await ask(engine, 'b'), { code: 'PAC_FAILED', message: /hosst/ })
  await engine.refresh()
  t.match(engine.status(), { failedDecisions: 2, lastFailedDecision: /'?hosst'? is not defined/ })
  t.equal(lines.filter((line) => line.includes('hosst')).length, 1, 'one line of the log')
  t.match(onDisk(), 'PROXY a:1', 'the one before stays')
  t.match(engine.status().notKept, /has not decided anything yet/)
  t.equal(lines.filter((line) => line.includes('decided')).length, 0, 'which is nothing to warn of')

  served = undefined
  const later = start()
  t.equal(await ask(later, 'a'), 'PROXY a:1', 'and is what a start without the server has')

  served = script('if (host === "b") null.x; return "PROXY c:1"')
  await engine.refresh()
  t.match(engine.status().failedDecisions, undefined, 'of another version')
  t.match(await ask(engine, 'b'), { code: 'PAC_FAILED' })
  t.match(onDisk(), 'PROXY a:1', 'has not worked yet')
  t.equal(await ask(engine, 'a'), 'PROXY c:1')
  await until('the version that works on disk', () => onDisk().includes('PROXY c:1'))
  await until('told to be there', () => engine.status().notKept === undefined)
  t.equal(engine.status().failedDecisions, 1)
})

t.test('one that asks for too many names is told of like any other that fails', async (t) => {
  const lines: string[] = []
  const body = 'dnsResolve("n" + Math.random() + ".example"); return "DIRECT"'
  const engine = engineFor(t, script(body), { log: (level, line) => level === 'warn' && lines.push(line) })
  t.match(await ask(engine, 'a'), { code: 'PAC_FAILED', message: /more than 20 names/ })
  t.match(engine.status(), { failedDecisions: 1, lastFailedDecision: /more than 20 names/ })
  t.equal(lines.filter((line) => line.includes('more than 20 names')).length, 1)
})

t.test('what a query holds is not in what is told of a failure', async (t) => {
  const lines: string[] = []
  const engine = engineFor(t, script('throw new Error(url)'), { log: (_, line) => lines.push(line) })
  const never = new AbortController().signal
  for (const trace of [true, false]) {
    const query = { url: `http://a.test/?token=S3cr3t-${trace}`, host: 'a.test', trace }
    await t.rejects(engine.find(query, never), { code: 'PAC_FAILED' })
    t.equal(engine.status().failedDecisions, trace ? 1 : 2)
    t.notMatch(JSON.stringify([lines, engine.status()]), /S3cr3t/)
  }
})
