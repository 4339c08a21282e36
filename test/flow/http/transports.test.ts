import { mkdtemp, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import t from 'tap'
import { until } from '../../fixtures/until.ts'
import { startRig } from './rig.ts'

const get = (path: string) => `GET http://a.test${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`

/** A Conn that is no socket, as TLS over another Conn can be: no ref, no setKeepAlive, no destroySoon, no setTimeout. */
class BareConn extends Duplex {
  readonly #socket: Socket

  constructor(socket: Socket) {
    super({ allowHalfOpen: true })
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.push(chunk) || socket.pause())
    socket.on('end', () => this.push(null))
    socket.on('close', () => this.destroy())
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, encoding, done)
  }

  override _final(done: () => void): void {
    this.#socket.end(done)
  }

  override _destroy(_error: Error | null, done: () => void): void {
    this.#socket.destroy()
    done()
  }
}

t.test('a way out that is no socket serves, is reused, and is closed', async (t) => {
  const rig = await startRig(t, { wrap: (socket) => new BareConn(socket) })
  const client = rig.client().send(get('/1'))
  await client.gets('ok')
  client.send(get('/2'))
  await client.gets(/ok[\s\S]*ok/)
  t.equal(rig.origin.connections.length, 1)
  rig.origin.answers('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nend')
  const last = rig.client().send(get('/3'))
  await last.gets('end')
  const first = await rig.origin.connection()
  await until('its connection is closed', () => first.closed || first.ended)
  t.match(rig.results, [{ ended: 'finished' }, { ended: 'finished' }, { ended: 'finished' }])
})

t.test('a broken answer on it resets the client all the same', async (t) => {
  const rig = await startRig(t, { wrap: (socket) => new BareConn(socket) })
  rig.origin.answers('HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nok')
  const client = rig.client().send(get('/'))
  await client.gets('ok')
  rig.origin.connections[0]!.socket.end()
  t.equal(await client.ending(), 'reset')
})

t.test('clients of a UNIX socket have no address and are local', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'door-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const rig = await startRig(t, { unixPath: join(folder, 'door.sock') })
  const client = rig.client().send(get('/'))
  await client.gets('ok')
  client.send('CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n')
  await client.gets('200 Connection established')
  t.same(
    rig.flows.map((flow) => flow.client),
    [{ local: true }, { local: true }],
  )
})
