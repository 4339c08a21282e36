import t, { type Test } from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import type { Relay } from '../../../src/contracts/relay.ts'
import { createRelay } from '../../../src/relay/create-relay.ts'
import { failure, read } from '../../contract/far-ends.ts'
import { tcpPair } from '../../fixtures/socket-pair.ts'

const NO_LIMITS = { idleMs: 0, lifetimeMs: 0 }

/** A pair that has carried a byte, and how it ends for everybody. */
async function pair(t: Test, relay: Relay) {
  const [client, upstream] = await Promise.all([tcpPair(), tcpPair()])
  t.teardown(() => {
    for (const { near, far } of [client, upstream]) {
      near.destroy()
      far.destroy()
    }
  })
  const result = relay(client.near, upstream.near, new AbortController().signal)
  client.far.write('x')
  t.equal(await read(upstream.far, 1), 'x')
  const failures = Promise.all([failure(client.far), failure(upstream.far)])
  return { result, failures, areClosed: () => client.near.closed && upstream.near.closed }
}

const skip = process.platform !== 'linux' && 'the kernel relay is for Linux'
for (const [where, fast, skipped] of [
  ['in the kernel', true, skip],
  ['in Node', false, false],
] as const) {
  t.test(
    `all pairs end, those of other limits too, and it is over when they are closed: ${where}`,
    { skip: skipped },
    async (t) => {
      const relay = createRelay({ ...NO_LIMITS, clock: systemClock, fast, fastAfterBytes: 0, threads: 1 })
      await relay.started
      t.teardown(() => relay.close())
      const pairs = [
        await pair(t, relay),
        await pair(t, relay.withLimits({ idleMs: 60_000, lifetimeMs: 0 })),
        await pair(t, relay.withLimits({ idleMs: 0, lifetimeMs: 60_000 })),
      ]
      t.equal(relay.fastPairs().now, fast ? 3 : 0)
      await relay.abort()
      t.ok(pairs.every(({ areClosed }) => areClosed()))
      for (const { result, failures } of pairs) {
        t.match(await result, { ended: 'aborted', bytesUp: 1 })
        t.same(await failures, ['ECONNRESET', 'ECONNRESET'])
      }
      t.equal(relay.fastPairs().now, 0)
    },
  )
}

t.test('pairs in the kernel and in Node together', { skip }, async (t) => {
  const relay = createRelay({ ...NO_LIMITS, clock: systemClock, fast: true, fastAfterBytes: 0, threads: 2 })
  await relay.started
  t.teardown(() => relay.close())
  const pairs = [await pair(t, relay), await pair(t, relay), await pair(t, relay.withLimits(NO_LIMITS, false))]
  t.equal(relay.fastPairs().now, 2)
  await relay.abort()
  t.ok(pairs.every(({ areClosed }) => areClosed()))
  for (const { result } of pairs) t.match(await result, { ended: 'aborted' })
})

t.test('where nothing runs it is over at once; whoever comes later is served, and can be ended too', async (t) => {
  const relay = createRelay({ ...NO_LIMITS, clock: systemClock, fast: false })
  await relay.abort()
  const first = await pair(t, relay)
  await relay.abort()
  t.match(await first.result, { ended: 'aborted' })
  await relay.abort()
  const second = await pair(t, relay)
  await relay.abort()
  t.match(await second.result, { ended: 'aborted' })
})

t.test('asked twice, both are told', async (t) => {
  const relay = createRelay({ ...NO_LIMITS, clock: systemClock, fast: false })
  const { areClosed } = await pair(t, relay)
  await Promise.all([relay.abort(), relay.abort()])
  t.ok(areClosed())
})
