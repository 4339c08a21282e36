import { once } from 'node:events'
import { Duplex } from 'node:stream'
import t from 'tap'
import type { Clock } from '../../../src/contracts/clock.ts'
import { MAX_QUEUED_BYTES, SWEEP_MS } from '../../../src/relay/limits.ts'
import { createPortableRelay } from '../../../src/relay/portable.ts'

/** Two Duplexes, each reading what the other writes: a Conn with no socket in it. */
function duplexes(): [Duplex, Duplex] {
  const pending: [(() => void) | undefined, (() => void) | undefined] = [undefined, undefined]
  const make = (me: 0 | 1): Duplex =>
    new Duplex({
      allowHalfOpen: true,
      read() {
        const go = pending[me]
        pending[me] = undefined
        go?.()
      },
      write(chunk, _encoding, done) {
        if (both[1 - me]!.push(chunk)) done()
        else pending[1 - me] = done
      },
      final(done) {
        both[1 - me]!.push(null)
        done()
      },
    })
  const both: [Duplex, Duplex] = [make(0), make(1)]
  return both
}

/** A clock that stands still until it is told; `timers` are those set and not yet run. */
function standingClock() {
  let now = 0
  const timers = new Set<{ at: number; task: () => void }>()
  const clock: Clock = {
    wall: () => now,
    monotonic: () => now,
    after(ms, task) {
      const timer = { at: now + ms, task }
      timers.add(timer)
      return () => timers.delete(timer)
    },
  }
  const advance = (ms: number): void => {
    const end = now + ms
    for (;;) {
      const [next] = [...timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)
      if (!next) break
      timers.delete(next)
      now = next.at
      next.task()
    }
    now = end
  }
  return { clock, timers, advance }
}

/** All there is to read, without ending the other direction (as `for await` would). */
async function text(conn: Duplex): Promise<string> {
  let all = ''
  conn.on('data', (chunk: Buffer) => {
    all += chunk
  })
  await once(conn, 'end')
  return all
}

const never = new AbortController().signal

function scene(limits = { idleMs: 0, lifetimeMs: 0 }) {
  const standing = standingClock()
  const relay = createPortableRelay({ ...limits, clock: standing.clock })
  const [client, near] = duplexes()
  const [origin, upstream] = duplexes()
  return { ...standing, relay, client, near, origin, upstream }
}

t.test('any Duplex is a Conn: bytes, half-close, result', async (t) => {
  const { relay, client, near, origin, upstream } = scene()
  const result = relay(near, upstream, never)
  client.end('question')
  t.equal(await text(origin), 'question')
  origin.end('late answer')
  t.equal(await text(client), 'late answer')
  t.match(await result, { bytesUp: 8, bytesDown: 11, firstByteMs: 0, ended: 'finished' })
  t.ok(near.closed && upstream.closed)
})

t.test('an error of one side destroys the other with an error, and does not reject', async (t) => {
  for (const side of ['near', 'upstream'] as const) {
    const s = scene()
    const result = s.relay(s.near, s.upstream, never)
    s[side].destroy(new Error('cable cut'))
    t.equal((await result).ended, side === 'near' ? 'client-reset' : 'upstream-reset')
    const other = side === 'near' ? s.upstream : s.near
    t.ok(other.errored, 'the other is not closed in order')
  }
})

t.test('a side that closes without end and without error has been cut off too', async (t) => {
  const { relay, near, upstream } = scene()
  const result = relay(near, upstream, never)
  upstream.destroy()
  t.equal((await result).ended, 'upstream-reset')
})

t.test('an error before, and one after the end, harm nobody', async (t) => {
  const { relay, near, upstream } = scene()
  near.on('error', () => {})
  near.destroy(new Error('before'))
  const result = relay(near, upstream, never)
  t.equal((await result).ended, 'client-reset')
  near.emit('error', new Error('after'))
  upstream.emit('error', new Error('after'))
})

t.test('an error with bytes on their way to a reader that stands still', async (t) => {
  const { relay, client, near, upstream, origin } = scene()
  const result = relay(near, upstream, never)
  origin.write(Buffer.alloc(1_000_000))
  await new Promise(setImmediate)
  client.destroy()
  near.destroy(new Error('gone'))
  t.equal((await result).ended, 'client-reset')
  t.ok(upstream.destroyed)
})

t.test('user space holds a bounded number of bytes for a side that does not read', async (t) => {
  const { relay, near, upstream, origin } = scene()
  const abort = new AbortController()
  const counts = { bytesUp: 0, bytesDown: 0 }
  const result = relay(near, upstream, abort.signal, counts)
  const chunk = Buffer.alloc(16 * 1024)
  for (let turn = 0; turn < 1_000; turn += 1) {
    origin.write(chunk)
    if (turn % 10 === 0) await new Promise(setImmediate)
  }
  t.ok(counts.bytesDown <= MAX_QUEUED_BYTES + 8 * chunk.length, `${counts.bytesDown} bytes were taken`)
  t.ok(near.writableLength <= MAX_QUEUED_BYTES + chunk.length)
  abort.abort()
  t.equal((await result).ended, 'aborted')
})

t.test('idle: a byte or a FIN puts it off', async (t) => {
  const { relay, client, near, origin, upstream, advance, timers } = scene({ idleMs: 60_000, lifetimeMs: 0 })
  let ended = false
  const result = relay(near, upstream, never).finally(() => {
    ended = true
  })
  client.resume()
  origin.resume()
  advance(59_000)
  origin.write('x')
  await new Promise(setImmediate)
  advance(59_000)
  client.end()
  await new Promise(setImmediate)
  advance(59_000)
  await new Promise(setImmediate)
  t.notOk(ended)
  advance(2 * SWEEP_MS)
  t.match(await result, { bytesDown: 1, ended: 'idle' })
  t.equal(timers.size, 0)
})

t.test('lifetime ends the busiest pair', async (t) => {
  const { relay, client, near, origin, upstream, advance } = scene({ idleMs: 10_000, lifetimeMs: 60_000 })
  const result = relay(near, upstream, never)
  client.resume()
  for (let second = 0; second < 59; second += 1) {
    origin.write('x')
    await new Promise(setImmediate)
    advance(1_000)
  }
  t.notOk(near.destroyed)
  advance(1_000)
  t.match(await result, { bytesDown: 59, ended: 'lifetime' })
})

t.test('a side broken after its FIN keeps the other waiting for a bounded time', async (t) => {
  const { relay, client, near, origin, upstream, advance } = scene()
  const result = relay(near, upstream, never)
  client.resume()
  origin.end('answer')
  await once(client, 'end')
  upstream.destroy(new Error('reset'))
  for (let second = 0; second < 4; second += 1) {
    client.write('the client goes on and on')
    await new Promise(setImmediate)
    advance(1_000)
  }
  t.notOk(near.destroyed)
  advance(2_000)
  t.match(await result, { bytesUp: 0, bytesDown: 6, ended: 'upstream-reset' })
})

t.test('ten thousand pairs share one timer, and none is left behind', async (t) => {
  const { relay, timers, advance } = scene({ idleMs: 60_000, lifetimeMs: 0 })
  const results = Array.from({ length: 10_000 }, () => relay(duplexes()[0], duplexes()[0], never))
  t.equal(timers.size, 1)
  advance(30_000)
  t.equal(timers.size, 1)
  advance(31_000)
  t.same(new Set((await Promise.all(results)).map((result) => result.ended)), new Set(['idle']))
  t.equal(timers.size, 0)
})
