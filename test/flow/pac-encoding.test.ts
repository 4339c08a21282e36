import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { getThrough } from '../fixtures/clients.ts'
import { startTestGateway } from '../fixtures/gateway.ts'

const SCRIPT = 'function FindProxyForURL(url, host) { return "PROXY reject.docker.internal:1" } // f\xfcr\r\n'

t.test('a PAC file on disk in another encoding than UTF-8: a gateway starts with it and reloads', async (t) => {
  const folder = t.testdir({})
  for (const [name, bytes] of [
    ['windows-1252', Buffer.from(SCRIPT, 'latin1')],
    ['UTF-16LE', Buffer.from(`\ufeff${SCRIPT}`, 'utf16le')],
  ] as const) {
    const file = join(folder, `${name}.pac`)
    writeFileSync(file, bytes)
    for (const pac of [file, pathToFileURL(file).href]) {
      const settings = { proxy: { pac } }
      const { port, reload } = await startTestGateway(t, settings)
      t.equal((await getThrough(port, 'http://a.test/')).status, 403, `${name}, ${pac}: the script decides`)
      await reload({ ...settings, timeouts: { idle: '1h' } })
      t.equal((await getThrough(port, 'http://a.test/')).status, 403, `${name}, ${pac}: after a reload`)
    }
  }
})
