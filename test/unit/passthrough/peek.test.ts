import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { peekName } from '../../../src/passthrough/names/peek.ts'
import { SNIFF_BYTES } from '../../../src/wire/sniffed-name.ts'
import { clientHello, records } from '../../fixtures/client-hello.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { tcpPair } from '../../fixtures/socket-pair.ts'
import { until } from '../../fixtures/until.ts'

async function rig(t: Test) {
  const { near, far } = await tcpPair()
  near.on('error', () => {})
  t.teardown(() => {
    near.destroy()
    far.destroy()
  })
  const clock = manualClock()
  return { near, far, clock, peeked: peekName(near, { clock, silenceMs: 100 }) }
}

/** All that the socket still gives, to its end. */
async function rest(near: NodeJS.ReadableStream): Promise<string> {
  const parts: Buffer[] = []
  near.on('data', (part: Buffer) => parts.push(part)).resume()
  await once(near, 'end')
  return Buffer.concat(parts).toString('latin1')
}

t.test('a name in one piece: at once, and nothing is lost', async (t) => {
  const { near, far, clock, peeked } = await rig(t)
  const said = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\nbody'
  far.end(said)
  t.same(await peeked, { kind: 'name', protocol: 'http', name: 'a.test' })
  t.equal(clock.pending, 0)
  t.equal(near.listenerCount('readable') + near.listenerCount('data'), 0)
  t.equal(near.isPaused(), true)
  t.equal(await rest(near), said)
})

t.test('a ClientHello byte by byte', async (t) => {
  const { near, far, peeked } = await rig(t)
  const hello = records(clientHello({ names: ['a.test'], grease: true }))
  far.setNoDelay(true)
  for (let at = 0; at < hello.length; at++) {
    far.write(hello.subarray(at, at + 1))
    if (at % 16 === 0) await turn()
  }
  t.same(await peeked, { kind: 'name', protocol: 'tls', name: 'a.test' })
  far.end('more')
  t.equal(await rest(near), `${hello.toString('latin1')}more`)
})

t.test('silence ends after its limit', async (t) => {
  const { near, far, clock, peeked } = await rig(t)
  clock.advance(99)
  await turn()
  clock.advance(1)
  t.same(await peeked, { kind: 'more' })
  far.end('late')
  t.equal(await rest(near), 'late')
})

t.test('half a head is waited for longer, and not for ever', async (t) => {
  const { near, far, clock, peeked } = await rig(t)
  far.write('GET / HTTP/1.1\r\n')
  await until('half a head', () => near.readableLength > 0)
  await turn()
  clock.advance(500)
  await turn()
  clock.advance(500)
  t.same(await peeked, { kind: 'more' })
  far.end()
  t.equal(await rest(near), 'GET / HTTP/1.1\r\n')
})

for (const [title, said] of [
  ['FIN behind half a head', 'GET / HT'],
  ['FIN behind something else', 'x'],
] as const) {
  t.test(`${title}: no waiting, and the end is still to be read`, async (t) => {
    const { near, far, peeked } = await rig(t)
    far.end(said)
    await peeked
    t.equal(near.readableEnded, false)
    t.equal(await rest(near), said)
  })
}

t.test('FIN and nothing before it: no waiting', async (t) => {
  const { near, far, clock, peeked } = await rig(t)
  far.end()
  t.same(await peeked, { kind: 'more' })
  t.equal(clock.pending, 0)
  t.equal(near.writable, true, 'and the answer can still be given')
})

t.test('more than is looked at', async (t) => {
  const { near, far, peeked } = await rig(t)
  const said = `GET /${'x'.repeat(3 * SNIFF_BYTES)}`
  far.end(said)
  t.match(await peeked, { kind: 'nameless' })
  t.equal(await rest(near), said)
})

t.test('a hello that fills a record, in pieces', async (t) => {
  const { near, far, peeked } = await rig(t)
  const said = records(clientHello({ padding: 16_000, names: ['a.test'] }))
  for (let at = 0; at < said.length; at += 4_000) {
    far.write(said.subarray(at, at + 4_000))
    await until('the piece', () => near.readableLength >= Math.min(said.length, at + 4_000))
  }
  t.match(await peeked, { kind: 'name', name: 'a.test' })
  far.end()
  t.equal(await rest(near), said.toString('latin1'))
})

t.test('nearly as much as is looked at, in pieces: every one is', async (t) => {
  const { near, far, peeked } = await rig(t)
  const said = records(clientHello({ padding: 17_500, names: ['a.test'] }))
  for (let at = 0; at < said.length; at += 1_100) {
    far.write(said.subarray(at, at + 1_100))
    await until('the piece', () => near.readableLength >= Math.min(said.length, at + 1_100))
  }
  t.match(await peeked, { kind: 'name', name: 'a.test' })
  far.end('more')
  t.equal(await rest(near), `${said.toString('latin1')}more`)
})

t.test('a reset ends it', async (t) => {
  const { far, peeked } = await rig(t)
  far.resetAndDestroy()
  t.same(await peeked, { kind: 'more' })
})
