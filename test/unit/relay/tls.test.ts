import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { type ConnectionOptions, connect, createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import t from 'tap'
import { makeAuthority } from '../../../certs/make-certs.ts'
import { systemClock } from '../../../src/contracts/clock.ts'
import { createRelay } from '../../../src/relay/create-relay.ts'
import { hasLibc } from '../../../src/system/linux/libc.ts'
import { resetOnClose } from '../../../src/system/linux/sockets.ts'
import { streamDescriptor } from '../../../src/system/stream-descriptor.ts'
import { failure } from '../../contract/far-ends.ts'
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

/** As `tlsPair`, but what the far side sends goes over a wire of the test's own, which it breaks off. */
async function tlsPairOver(version: 'TLSv1.2' | 'TLSv1.3') {
  const server = createServer({ ...leaf, allowHalfOpen: true, maxVersion: version } as TlsOptions)
  const [{ near: accepted, far: wire }, { near: middle, far: through }] = await Promise.all([tcpPair(), tcpPair()])
  middle.on('data', (chunk) => wire.write(chunk)).on('error', () => {})
  wire.on('data', (chunk) => middle.write(chunk)).on('close', () => middle.destroy())
  middle.resume()
  const secure = once(server, 'secureConnection') as Promise<[TLSSocket]>
  server.emit('connection', accepted)
  const far = connect({ socket: through, ca: authority.cert, servername: 'localhost' })
  far.on('error', () => {})
  const [[near]] = await Promise.all([secure, once(far, 'secureConnect')])
  near.pause()
  const says = async (bytes: Buffer, last: 'cut off' | 'close_notify') => {
    let length = 0
    const breaksOff = () => wire.resetAndDestroy()
    if (last === 'close_notify') {
      middle.on('end', breaksOff)
      far.end(bytes)
    } else {
      // All of its records have come.
      middle.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length > bytes.length) breaksOff()
      })
      far.write(bytes)
    }
    await once(wire, 'close')
  }
  /** Until it is on the wire. */
  const sends = async (bytes: string) => {
    far.write(bytes)
    await once(middle, 'data')
  }
  return { near, says, sends, wire }
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  for (const [who, ended] of [
    ['client', 'client-reset'],
    ['upstream', 'upstream-reset'],
  ] as const) {
    for (const [how, bytes] of [
      ['at once', 18],
      ['later, with more than Node reads ahead', 40_000],
    ] as const) {
      const body = randomBytes(bytes)
      const tunnel = async () => {
        const [inside, clear] = await Promise.all([tlsPairOver(version), tcpPair()])
        const relay = createRelay({ idleMs: 0, lifetimeMs: 0, clock: systemClock, fast: false })
        const stop = new AbortController()
        const start = () =>
          who === 'client' ? relay(inside.near, clear.near, stop.signal) : relay(clear.near, inside.near, stop.signal)
        return { ...inside, clear: clear.far, start, stop }
      }

      t.test(`TCP's reset under the ${who}’s TLS is a reset, seen ${how} (${version})`, async (t) => {
        for (let round = 0; round < 20; round += 1) {
          const { says, clear, start, stop } = await tunnel()
          const early = bytes < 100 ? start() : undefined
          await says(body, 'cut off')
          const result = early ?? start()
          const seen = await failure(clear)
          if (seen !== 'ECONNRESET') stop.abort()
          t.match({ seen, ...(await result) }, { seen: 'ECONNRESET', ended }, `round ${round}`)
        }
      })

      t.test(`close_notify is an end of the ${who}’s, reset or not, seen ${how} (${version})`, async (t) => {
        for (let round = 0; round < 20; round += 1) {
          const { says, clear, start } = await tunnel()
          const early = bytes < 100 ? start() : undefined
          await says(body, 'close_notify')
          const result = early ?? start()
          t.equal(hash(await rest(clear)), hash(body), `round ${round}`)
          clear.end()
          t.equal((await result).ended, 'finished')
        }
      })
    }
  }
}

const BYTES = 'half of it, or all'

/** What stands in the kernel behind the bytes of a TLS side. */
type Ending = 'reset' | 'FIN' | 'FIN and reset' | 'close_notify and reset'

async function endWire(wire: Socket, how: Exclude<Ending, 'close_notify and reset'>): Promise<void> {
  if (how === 'reset') wire.resetAndDestroy()
  else await new Promise<void>((sent) => wire.end(sent))
  if (how === 'FIN and reset') {
    resetOnClose(streamDescriptor(wire)) // Node refuses one behind a FIN
    wire.destroy()
  }
  if (how !== 'FIN') await once(wire, 'close')
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  for (const [who, broken] of [
    ['client', 'client-reset'],
    ['upstream', 'upstream-reset'],
  ] as const) {
    for (const [how, seen, ended] of [
      ['reset', 'reset', broken],
      ['FIN', 'FIN', 'finished'],
      ['FIN and reset', 'FIN', 'finished'],
      ['close_notify and reset', 'FIN', 'finished'],
    ] as const) {
      const name = `${how} of the ${who}’s under TLS, met by the other side’s end: ${ended} (${version})`
      t.test(name, { skip: !hasLibc && 'the system does not tell' }, async (t) => {
        const { near, says, sends, wire } = await tlsPairOver(version)
        // This one ends before anything is read, so that the close_notify written for it takes the error that the kernel has for the read.
        let heard = ''
        let end = ''
        const other = new Duplex({
          allowHalfOpen: true,
          read() {},
          write(chunk, _encoding, done) {
            heard += chunk
            done()
          },
          final(done) {
            end ||= 'FIN'
            done()
          },
          destroy(error, done) {
            end ||= 'reset'
            done(error)
          },
        }).on('error', () => {})
        if (how === 'close_notify and reset') await says(Buffer.from(BYTES), 'close_notify')
        else {
          await sends(BYTES)
          await endWire(wire, how)
        }
        const relay = createRelay({ idleMs: 0, lifetimeMs: 0, clock: systemClock, fast: false })
        other.push(null)
        const never = new AbortController().signal
        const result = await (who === 'client' ? relay(near, other, never) : relay(other, near, never))
        t.match({ heard, end, ...result }, { heard: BYTES, end: seen, ended })
        wire.destroy()
        await relay.close()
      })
    }
  }
}
