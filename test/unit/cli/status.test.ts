import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { runStatus } from '../../../src/cli/status.ts'

const BODY = '{"answered":true}'

t.test('a running gateway is asked also while the settings on disk are bad', async (t) => {
  // A socket's path has a hundred characters or so.
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'fairlead'))
  const file = join(folder, 'fairlead.yaml')
  const socket = join(folder, 'fairlead', 'status.sock')
  const server = createServer((_, response) => response.end(BODY))
  await new Promise<void>((listening) => server.listen(socket, listening))
  t.teardown(() => server.close())
  const status = async (text: string | undefined) => {
    if (text === undefined) rmSync(file)
    else writeFileSync(file, text)
    const told: Record<'out' | 'err', string> = { out: '', err: '' }
    const take = (stream: 'out' | 'err') => (words: string) => {
      told[stream] += words
    }
    const io = { cwd: folder, env: { XDG_RUNTIME_DIR: folder }, out: take('out'), err: take('err') }
    return { code: await runStatus({ json: true, config: file }, io), ...told }
  }
  const listen = `status: { listen: "unix://${socket}" }\n`
  for (const [what, text, told] of [
    ['good', listen, /^$/],
    ['the default socket', '{}', /^$/],
    ['a file that is missing', `${listen}proxy: { pac: ./missing.pac }`, /^$/],
    ['a variable that is not set', `${listen}listen: { auth: { users: { a: "env:MISSING" } } }`, /^$/],
    ['an unknown key', `${listen}proxyy: 1`, /proxyy/],
    ['bad YAML', 'a: [', /fairlead\.yaml:1/],
    ['a bad address of status', 'status: { listen: 7.7 }', /status\.listen/],
    ['no file', undefined, /there is no such file/],
  ] as const) {
    const { code, out, err } = await status(text)
    t.same([code, out], [0, BODY], what)
    t.match(err, told, what)
  }
  server.close()
  server.closeAllConnections()
  t.match(await status(listen), { code: 1, err: /no gateway answers/ })
  t.match(await status(`${listen}proxyy: 1`), { code: 2, err: /proxyy[\s\S]*no gateway answers/ })
  t.match(await status('status: { listen: off }'), { code: 1, err: /status\.listen is off/ })
})
