import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createGeneration, type Generation } from '../../../src/gateway/generation.ts'
import { Parts } from '../../../src/gateway/parts.ts'
import { createLog } from '../../../src/observe/log.ts'
import { loadSettings } from '../../../src/settings/load.ts'

t.test('a client at a door that is open, before the others are', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-test-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'reverse.sock')
  const text = JSON.stringify({ engine: { socket: `unix://${folder}/none` }, reverse: { listen: `unix:${path}` } })
  const file = join(folder, 'fairlead.yaml')
  await writeFile(file, text)
  const { settings } = await loadSettings({ file, cwd: folder, env: {}, platform: process.platform })
  const log = createLog({ level: 'info', format: 'json' }, { write: () => {} })
  let generation: Generation | undefined
  const parts = new Parts({ settings, log, env: {} }, () => generation!)
  generation = await createGeneration(1, settings, parts.world)
  const ready = await parts.reverse.prepare(settings, 1)
  for (const request of [
    'GET http://web/ HTTP/1.1\r\nHost: web\r\n\r\n',
    'CONNECT web:80 HTTP/1.1\r\nHost: web:80\r\n\r\n',
  ]) {
    const socket = connect(path)
    socket.end(request)
    let answer = ''
    for await (const chunk of socket) answer += String(chunk)
    t.match(answer, /^HTTP\/1\.1 502 .*no container web is known, and the Docker engine is away/s)
  }
  ready.commit()
  parts.reverse.close()
  generation.retire()
  parts.world.networkWatch.close()
  await parts.front?.close()
})
