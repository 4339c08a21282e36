import { readdirSync, readFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import t, { type Test as Tap } from 'tap'
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
/** A server of a script that changes, 500 where there is none, and the one that an engine with such a source has left on disk. */
async function served(t: Tap, first: string) {
  const holder: { script: string | undefined } = { script: first }
  const server = http.createServer((_, response) =>
    holder.script === undefined ? response.writeHead(500).end() : response.end(holder.script),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close().closeAllConnections())
  const { port } = server.address() as net.AddressInfo
  const cacheDir = t.testdir({})
  const onDisk = () =>
    readFileSync(join(cacheDir, readdirSync(cacheDir).find((name) => name.endsWith('.json'))!), 'utf8')
  const lines: string[] = []
  const source = { kind: 'url', url: `http://127.0.0.1:${port}/proxy.pac`, dialer } as const
  const start = () => engineFor(t, '', { source, cacheDir, log: (level, line) => level === 'warn' && lines.push(line) })
  return { holder, onDisk, lines, start }
}
const script = (body: string) => `function FindProxyForURL(url, host) { ${body} }`

t.test('a version that loads and never decides does not replace the one on disk, and is told of', async (t) => {
  const { holder, onDisk, lines, start } = await served(t, script('return "PROXY a:1"'))
  const engine = start()
  await engine.ready
  t.match(onDisk(), 'PROXY a:1', 'the first one is there before it has decided: there is no other')
  t.equal(await ask(engine, 'a'), 'PROXY a:1')
  t.equal(engine.status().failedDecisions, undefined)

  holder.script = script('return hosst + "DIRECT"')
  await engine.refresh()
  t.match(await ask(engine, 'a'), { code: 'PAC_FAILED', message: /hosst/ })
  t.match(await ask(engine, 'b'), { code: 'PAC_FAILED', message: /hosst/ })
  await engine.refresh()
  t.match(engine.status(), { failedDecisions: 2, lastFailedDecision: /'?hosst'? is not defined/ })
  t.equal(lines.filter((line) => line.includes('hosst')).length, 1, 'one line of the log')
  t.match(onDisk(), 'PROXY a:1', 'the one before stays')
  t.match(engine.status().notKept, /has not named a way out yet/)
  t.equal(lines.filter((line) => line.includes('way out')).length, 0, 'which is nothing to warn of')

  holder.script = undefined
  const later = start()
  t.equal(await ask(later, 'a'), 'PROXY a:1', 'and is what a start without the server has')

  holder.script = script('if (host === "b") null.x; return "PROXY c:1"')
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

t.test('nor does one that answers nothing that is a way out', async (t) => {
  const { holder, onDisk, lines, start } = await served(t, script('return "PROXY a:1"'))
  const engine = start()
  t.equal(await ask(engine, 'a'), 'PROXY a:1')

  holder.script = script('return host === "good" ? "PROXY b:1" : host === "odd" ? "PROXXY b:1" : ""')
  await engine.refresh()
  t.equal(await ask(engine, 'a'), '', 'what that means is the affair of whoever asked')
  t.equal(await ask(engine, 'odd'), 'PROXXY b:1')
  t.match(engine.status(), {
    failedDecisions: 2,
    lastFailedDecision: /^PAC \S+ answered "PROXXY b:1", which names no way out$/,
  })
  t.match(
    lines.filter((line) => line.includes('no way out')),
    [/ answered "", which/],
    'one line of the log',
  )
  await engine.refresh()
  t.match(onDisk(), 'PROXY a:1', 'the one before stays')

  t.equal(await ask(engine, 'good'), 'PROXY b:1')
  await until('the version that works on disk', () => onDisk().includes('PROXY b:1'))
  t.equal(await ask(engine, 'c'), '')
  t.equal(engine.status().failedDecisions, 3, 'it may still fail')
})

t.test('what a query holds is not in what is told of a failure', async (t) => {
  const lines: string[] = []
  const body = 'if (host === "b.test") return url; throw new Error(url)'
  const engine = engineFor(t, script(body), { log: (_, line) => lines.push(line) })
  const never = new AbortController().signal
  for (const trace of [true, false]) {
    const query = { url: `http://a.test/?token=S3cr3t-${trace}`, host: 'a.test', trace }
    await t.rejects(engine.find(query, never), { code: 'PAC_FAILED' })
    t.equal(engine.status().failedDecisions, trace ? 1 : 3)
    await engine.find({ ...query, url: query.url.replace('a.test', 'b.test'), host: 'b.test' }, never)
    t.equal(engine.status().failedDecisions, trace ? 2 : 4)
    t.notMatch(JSON.stringify([lines, engine.status()]), /S3cr3t/)
  }
})
