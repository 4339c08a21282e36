import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type ConnectionOptions, connect, createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import t from 'tap'
import { makeAuthority } from '../../../certs/make-certs.ts'
import { systemClock } from '../../../src/contracts/clock.ts'
import { createRelay } from '../../../src/relay/create-relay.ts'
import { tcpPair } from '../../fixtures/socket-pair.ts'

/** A client over TLS, as at the TLS door, and a plain upstream: never for the kernel, whatever the pair carries. */
const authority = await makeAuthority()
const leaf = await authority.issue({ names: ['localhost'] })

async function tlsPair(): Promise<{ near: TLSSocket; far: TLSSocket }> {
  const server = createServer({ ...leaf, allowHalfOpen: true } as TlsOptions)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const far = connect({
    port,
    host: '127.0.0.1',
    ca: authority.cert,
    servername: 'localhost',
    allowHalfOpen: true,
  } as ConnectionOptions)
  far.on('error', () => {})
  const [[near]] = (await Promise.all([once(server, 'secureConnection'), once(far, 'secureConnect')])) as [
    [TLSSocket],
    unknown,
  ]
  server.close()
  near.pause()
  return { near, far }
}

async function rest(socket: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'end')
  return Buffer.concat(chunks)
}

const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

t.test('bytes and half-close through a TLS side; the fast path is not tried', async (t) => {
  const relay = createRelay({ idleMs: 0, lifetimeMs: 0, clock: systemClock, fastAfterBytes: 1, threads: 1 })
  await relay.started
  const [a, b] = await Promise.all([tlsPair(), tcpPair()])
  const result = relay(a.near, b.near, new AbortController().signal)
  const [up, down] = [randomBytes(3_000_000), randomBytes(5_000_000)]
  a.far.end(up)
  t.equal(hash(await rest(b.far)), hash(up))
  b.far.end(down)
  t.equal(hash(await rest(a.far)), hash(down), 'the late reply')
  t.match(await result, { bytesUp: up.length, bytesDown: down.length, ended: 'finished' })
  t.same(relay.fastPairs(), { now: 0, ever: 0 })
  await relay.close()
})

t.test('a reset upstream is no orderly end for a TLS client', async (t) => {
  const relay = createRelay({ idleMs: 0, lifetimeMs: 0, clock: systemClock, fast: false })
  const [a, b] = await Promise.all([tlsPair(), tcpPair()])
  const result = relay(a.near, b.near, new AbortController().signal)
  b.far.write('half an answer')
  await once(a.far, 'data')
  let how = ''
  a.far.on('end', () => {
    how ||= 'end'
  })
  a.far.on('error', (error: NodeJS.ErrnoException) => {
    how ||= error.code ?? ''
  })
  b.far.resetAndDestroy()
  await new Promise((resolve) => a.far.on('close', resolve))
  t.match(await result, { ended: 'upstream-reset' })
  t.equal(how, 'ECONNRESET')
})
