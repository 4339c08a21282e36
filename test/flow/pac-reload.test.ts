import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { getThrough } from '../fixtures/clients.ts'
import { startTestGateway, type TestGateway } from '../fixtures/gateway.ts'
import { unusedPort } from '../fixtures/upstreams/listen.ts'

/** What it decides is refused with 403; without a version in use everything is 503. */
const good = (remark = '') =>
  `function FindProxyForURL(url, host) { return "PROXY reject.docker.internal:1" } // ${remark}`
const UNFINISHED = 'function FindProxyForURL(url, host) {\n  // FindProxyForURL\n  return "DIRECT"\n'
const THROWS = 'function FindProxyForURL() {}\n  throw new Error("no table")\n'

/** Of a server: its script, or the status in place of it. */
async function serve(t: Test, what: () => string | number): Promise<string> {
  const server = createServer((_, response) => {
    const answer = what()
    if (typeof answer === 'number') response.writeHead(answer).end()
    else response.end(answer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/proxy.pac`
}

async function statusOf({ port }: TestGateway): Promise<number> {
  return (await getThrough(port, 'http://a.test/')).status
}

t.test('settings whose script is another one, and does not load, are refused: what runs goes on', async (t) => {
  const folder = t.testdir({ 'unfinished.pac': UNFINISHED })
  const url = await serve(t, () => THROWS)
  for (const onPacFailure of ['lastGood', 'block', 'direct']) {
    const gateway = await startTestGateway(t, { proxy: { embeddedPac: good(), onPacFailure } })
    const faults = [
      [{ embeddedPac: UNFINISHED }, /^PAC embedded script: the script threw .*SyntaxError.* at line 4/],
      [{ pac: join(folder, 'unfinished.pac') }, /unfinished\.pac: the script threw .*SyntaxError.* at line 4/],
      [{ pac: url }, /proxy\.pac: the script threw .*no table.* at line 2, column \d+: throw new Error/],
      [{ embeddedPac: 'var other // FindProxyForURL' }, /FindProxyForURL is undefined/],
    ] as const
    for (const [script, message] of faults.slice(0, onPacFailure === 'lastGood' ? faults.length : 1)) {
      await t.rejects(gateway.reload({ proxy: { ...script, onPacFailure } }), { code: 'PAC_FAILED', message })
      t.equal(await statusOf(gateway), 403, `${onPacFailure}: the script of before decides`)
    }
    t.match(gateway.gateway.status(), { generation: 1, pac: [{ source: 'embedded script', failure: undefined }] })
    t.equal(gateway.gateway.status().pac.length, 1, 'the others are closed')
    await gateway.reload({ proxy: { embeddedPac: good('2'), onPacFailure } })
    t.match(gateway.gateway.status(), { generation: 2 }, 'and the next ones are taken')
  }
})

t.test('those of either scope, and the faults of both are told', async (t) => {
  const gateway = await startTestGateway(t, {
    proxy: { embeddedPac: good() },
    containersProxy: { embeddedPac: good('2') },
  })
  const containersProxy = { embeddedPac: UNFINISHED }
  const refused = (settings: object, message: RegExp) => t.rejects(gateway.reload(settings), { message })
  await refused({ proxy: { embeddedPac: good() }, containersProxy }, /^PAC embedded script: .*SyntaxError[^;]*$/)
  await refused({ proxy: { embeddedPac: UNFINISHED }, containersProxy }, /^PAC embedded script: .*SyntaxError[^;]*$/)
  await refused({ proxy: { embeddedPac: THROWS }, containersProxy }, /no table.*; PAC embedded script: .*SyntaxError/)
  t.equal(gateway.gateway.status().pac.length, 2)
  t.equal(await statusOf(gateway), 403)
})

t.test('a script that cannot be fetched is taken, and a matter of onPacFailure', async (t) => {
  const gateway = await startTestGateway(t, { proxy: { embeddedPac: good() } })
  for (const pac of [`http://127.0.0.1:${await unusedPort()}/proxy.pac`, await serve(t, () => 404)]) {
    await gateway.reload({ proxy: { pac } })
    t.equal(await statusOf(gateway), 503, pac)
  }
})

t.test('a script of the same place that no longer loads keeps no settings from being taken', async (t) => {
  const file = join(t.testdir({ 'proxy.pac': good() }), 'proxy.pac')
  const gateway = await startTestGateway(t, { proxy: { pac: file } })
  writeFileSync(file, UNFINISHED)
  await gateway.reload({ proxy: { pac: file }, timeouts: { idle: '1h' } })
  t.match(gateway.gateway.status(), { generation: 2, pac: [{ failure: /SyntaxError/ }] })
  t.equal(await statusOf(gateway), 403, 'the version before stays in use')
  // Other settings of PAC make another engine.
  await gateway.reload({ proxy: { pac: file }, pac: { evaluationTimeout: '2s' } })
  t.match(gateway.gateway.status(), { generation: 3, pac: [{ failure: /SyntaxError/ }] })
  t.equal(await statusOf(gateway), 403, 'which is handed that version over')
  await t.rejects(gateway.reload({ proxy: { pac: file, onPacFailure: 'block' } }), { message: /SyntaxError/ })
  t.equal(await statusOf(gateway), 403, 'nor is it lost to one that would not use it')
})

t.test('nor does the last good version hang on the disk where its server is gone', async (t) => {
  let answer: string | number = good()
  const pac = await serve(t, () => answer)
  const gateway = await startTestGateway(t, { proxy: { pac } })
  answer = 503
  await gateway.reload({ proxy: { pac }, pac: { evaluationTimeout: '2s' } })
  t.match(gateway.gateway.status(), { generation: 2, pac: [{ failure: /answered 503/ }] })
  t.equal(await statusOf(gateway), 403)
})

t.test(
  'settings that began with a script that does not load can be changed, and that for containers is no excuse',
  async (t) => {
    const proxy = { embeddedPac: UNFINISHED }
    const gateway = await startTestGateway(t, { proxy, containersProxy: { embeddedPac: good() } })
    t.equal(await statusOf(gateway), 503)
    await gateway.reload({ proxy, containersProxy: { embeddedPac: good() }, timeouts: { idle: '1h' } })
    await gateway.reload({ proxy: { ...proxy, onPacFailure: 'direct' }, containersProxy: { embeddedPac: good() } })
    await t.rejects(gateway.reload({ proxy, containersProxy: proxy }), { message: /SyntaxError/ })
    t.match(gateway.gateway.status(), { generation: 3 })
  },
)
