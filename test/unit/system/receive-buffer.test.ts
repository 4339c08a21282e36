import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** A program: how much a bare descriptor keeps, before and after it was asked to keep more. */
const PROGRAM = `
import { close } from './src/system/linux/descriptors.ts'
import { AF_INET, SO_RCVBUF, SOL_SOCKET } from './src/system/linux/socket-numbers.ts'
import { getSocketOption, socket } from './src/system/linux/sockets.ts'
import { ReceiveBuffer } from './src/system/receive-buffer.ts'

const SOCK_DGRAM = 2
const fd = socket(AF_INET, SOCK_DGRAM, 0)
const kept = () => {
  const bytes = new Uint8Array(4)
  getSocketOption(fd, SOL_SOCKET, SO_RCVBUF, bytes, Uint32Array.of(4))
  return new Int32Array(bytes.buffer)[0]
}
const before = kept()
new ReceiveBuffer(fd, 8 * 1024 * 1024)
console.log(JSON.stringify([before, kept()]))
close(fd)
`

t.test('without CAP_NET_ADMIN a bare descriptor keeps what the system allows', async (t) => {
  if (process.platform !== 'linux') {
    t.pass('SKIPPED: bare descriptors are Linux’s')
    return
  }
  const program = [process.execPath, '--import=tsx', '--input-type=module', '-e', PROGRAM]
  // Root within these bounds has not the capability, and can read the files all the same.
  const without = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-all'] : []
  const [command, ...args] = [...without, ...program] as [string, ...string[]]
  const said = execFileSync(command, args, { cwd: ROOT, encoding: 'utf8' })
  const [before, after] = JSON.parse(said) as [number, number]
  t.ok(after > before, `${before} bytes, then ${after}`)
})
