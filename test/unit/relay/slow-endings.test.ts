import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createRelay } from '../../../src/relay/create-relay.ts'
import { ABANDONED_MS, LINGER_MS } from '../../../src/relay/limits.ts'
import { createPortableRelay } from '../../../src/relay/portable.ts'
import { SOL_SOCKET } from '../../../src/system/linux/socket-numbers.ts'
import { setSocketOption } from '../../../src/system/linux/sockets.ts'
import { streamDescriptor } from '../../../src/system/stream-descriptor.ts'
import { untaken } from '../../../src/system/untaken.ts'
import { closed, heard, standstill, unacknowledged } from '../../contract/far-ends.ts'
import { tunnelOf } from '../../contract/relay.ts'
import { slowEndingContract } from '../../contract/slow-endings.ts'
import { NO_LIMITS } from '../../contract/tunnel.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

/** Bytes of a send buffer, which the kernel makes as small as it can, and of an answer that fits nowhere but in Node's own queue then. */
const SMALL = new Int32Array([4_096])
const ANSWER_BYTES = 250_000
const SO_SNDBUF = 7
const SO_RCVBUF = 8

if (process.platform !== 'linux') t.plan(0, 'only Linux can be asked for what has arrived')
else {
  t.test('by stream events', async (t) => {
    slowEndingContract(t, async () => {
      const clock = manualClock()
      const running = await tunnelOf(createPortableRelay({ ...NO_LIMITS, clock }))
      return { ...running, letTimePass: () => clock.advance(1_000) }
    })
  })

  t.test('by stream events: the time begins when Node has nothing left that is for the reader', async (t) => {
    const clock = manualClock()
    const relay = createPortableRelay({ ...NO_LIMITS, clock })
    const { client, origin, result, counts } = await tunnelOf(relay, makeSendBufferSmall)
    t.teardown(() => client.destroy())
    const answer = randomBytes(ANSWER_BYTES)
    origin.end(answer)
    await until('Node has it', () => counts.bytesDown === answer.length)
    origin.destroy()
    await closed(origin)
    for (let piece = 0; piece < 3; piece += 1) {
      client.write('?')
      await until('it is there', () => unacknowledged(client) === 0)
      await turn()
    }
    clock.advance(10 * LINGER_MS)
    const { bytes, end } = await heard(client)
    t.same({ same: bytes.equals(answer), end }, { same: true, end: 'end' })
    clock.advance(LINGER_MS + 1_000)
    t.match(await result, { ended: 'upstream-reset' })
  })

  t.test(
    'by stream events: an origin that takes nothing of what a client said that has gone is waited for, but not for ever',
    async (t) => {
      const { origin, result, clock } = await abandoned(t)
      let ended: string | undefined
      void result.then((result) => {
        ended = result.ended
      })
      const from = clock.monotonic()
      await until('it has waited', () => {
        clock.advance(1_000)
        return ended !== undefined
      })
      t.equal(ended, 'client-reset')
      t.ok(clock.monotonic() - from >= ABANDONED_MS, 'a while')
      t.equal((await heard(origin)).end, 'ECONNRESET')
    },
  )

  t.test('by stream events: as long as it takes some of it, it gets all of it', async (t) => {
    const { origin, upstream, said, result, clock } = await abandoned(t)
    const got: Buffer[] = []
    const from = clock.monotonic()
    while (!upstream.writableFinished) {
      const before = untaken(upstream)
      await until('some more is taken', () => {
        const piece = origin.read(1_024) as Buffer | null
        if (piece) got.push(piece)
        return untaken(upstream) < before || upstream.writableFinished || upstream.destroyed
      })
      if (upstream.destroyed) break
      clock.advance(ABANDONED_MS - 2_000)
    }
    t.ok(clock.monotonic() - from > ABANDONED_MS, 'slowly')
    const { bytes, end } = await heard(origin)
    t.same({ same: Buffer.concat([...got, bytes]).equals(said), end }, { same: true, end: 'end' })
    clock.advance(LINGER_MS + 1_000)
    t.match(await result, { ended: 'client-reset' })
  })

  for (const [breaks, end, ended] of [
    ['behind its end', 'end', 'finished'],
    ['without an end', 'ECONNRESET', 'upstream-reset'],
  ] as const) {
    t.test(`by stream events: a write that hears of a reset first, ${breaks}`, async (t) => {
      let paused: Socket | undefined
      const { client, origin, result } = await tunnelOf(
        createPortableRelay({ ...NO_LIMITS, clock: manualClock() }),
        (_, upstream) => {
          paused = upstream
        },
      )
      t.teardown(() => client.destroy())
      paused!.pause() // as it is for a client that reads slowly
      const answer = randomBytes(ANSWER_BYTES / 4) // more than Node reads of a paused stream
      if (end === 'end') origin.end(answer)
      else origin.write(answer)
      await until('it has come', () => origin.writableLength === 0 && unacknowledged(origin) === 0)
      if (end === 'end') origin.destroy()
      else origin.resetAndDestroy()
      await closed(origin)
      const got = heard(client)
      for (let piece = 0; piece < 3; piece += 1) {
        client.write('?')
        await until('it is there', () => client.destroyed || unacknowledged(client) === 0)
        await turn()
      }
      const { bytes, end: seen } = await got
      t.equal(seen, end)
      if (end === 'end') t.ok(bytes.equals(answer), 'not a byte is lost')
      client.end()
      t.match(await result, { ended })
    })
  }

  t.test('in the kernel', async (t) => {
    const clock = manualClock()
    const relay = createRelay({ ...NO_LIMITS, clock, fast: true, fastAfterBytes: 0, threads: 1 })
    t.teardown(() => relay.close())
    // They share the clock, so one begins when the other has ended.
    let before: Promise<unknown> = relay.started
    slowEndingContract(t, async () => {
      const opened = before.then(() => tunnelOf(relay))
      before = opened.then(({ result }) => result)
      return { ...(await opened), letTimePass: () => clock.advance(1_000) }
    })
    t.test('those pairs were in the kernel indeed', async (t) => {
      t.equal(relay.fastPairs().ever, 6)
    })
  })

  t.test(
    'in the kernel: what a client said that broke off does not wait for ever for an origin that does not read',
    async (t) => {
      const clock = manualClock()
      const relay = createRelay({ ...NO_LIMITS, clock, fast: true, fastAfterBytes: 0, threads: 1 })
      t.teardown(() => relay.close())
      await relay.started
      const { client, origin, counts, result } = await tunnelOf(relay)
      t.teardown(() => origin.destroy())
      client.write(Buffer.alloc(48 * 1024 * 1024))
      await standstill(() => {
        clock.advance(1_000)
        return counts.bytesUp
      })
      client.resetAndDestroy()
      let ended: string | undefined
      void result.then((result) => {
        ended = result.ended
      })
      const from = clock.monotonic()
      await until('it has waited', () => {
        clock.advance(1_000)
        return ended !== undefined
      })
      t.equal(ended, 'client-reset')
      t.ok(clock.monotonic() - from >= ABANDONED_MS, 'but for a while')
      t.equal((await heard(origin)).end, 'ECONNRESET')
    },
  )
}

/** By stream events: a client has said more than its origin takes, and its end, and has gone then; Node knows of all three. */
async function abandoned(t: Test) {
  const clock = manualClock()
  let ends: readonly [client: Socket, upstream: Socket] | undefined
  const { client, origin, result, counts } = await tunnelOf(
    createPortableRelay({ ...NO_LIMITS, clock }),
    (near, upstream) => {
      ends = [near, upstream]
      makeSendBufferSmall(upstream)
    },
  )
  t.teardown(() => origin.destroy())
  makeSmall(origin, SO_RCVBUF)
  const [near, upstream] = ends!
  const said = randomBytes(ANSWER_BYTES)
  client.end(said)
  await until('Node has it', () => counts.bytesUp === said.length && near.readableEnded)
  client.destroy()
  await closed(client)
  await until('Node hears that nobody is there any more', () => {
    if (unacknowledged(origin) === 0) origin.write('?')
    return near.destroyed
  })
  return { origin, upstream, said, result, clock }
}

const makeSendBufferSmall = (socket: Socket) => makeSmall(socket, SO_SNDBUF)

function makeSmall(socket: Socket, buffer: number): void {
  setSocketOption(streamDescriptor(socket), SOL_SOCKET, buffer, SMALL, SMALL.byteLength)
}
