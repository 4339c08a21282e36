import { once } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { createRelay } from '../../../src/relay/create-relay.ts'
import { tcpPair } from '../../fixtures/socket-pair.ts'

/** Bytes whose every position can be told from every other: a period that is prime, and so matches no buffer's size. */
const PERIOD = 65_521
const pattern = Buffer.alloc(PERIOD * 2)
for (let index = 0; index < pattern.length; index += 1) pattern[index] = ((index % PERIOD) * 2_654_435_761) >>> 23

/** Sends `total` bytes of the pattern without a pause, in pieces of all sizes, then FIN. */
function push(socket: Socket, total: number, random: () => number): void {
  let sent = 0
  const more = (): void => {
    for (;;) {
      const size = Math.min(total - sent, 1 + Math.floor(random() ** 3 * 40_000), PERIOD)
      if (size === 0) {
        socket.end()
        return
      }
      const at = sent % PERIOD
      sent += size
      if (!socket.write(pattern.subarray(at, at + size))) break
    }
    socket.once('drain', more)
  }
  more()
}

/** Reads to the end; the position of the first byte that is wrong, or the number of bytes. */
async function check(socket: Socket): Promise<{ bytes: number; wrongAt: number | undefined }> {
  let bytes = 0
  let wrongAt: number | undefined
  socket.on('data', (chunk: Buffer) => {
    for (let done = 0; done < chunk.length && wrongAt === undefined; ) {
      const at = (bytes + done) % PERIOD
      const size = Math.min(chunk.length - done, PERIOD)
      if (chunk.compare(pattern, at, at + size, done, done + size) !== 0) wrongAt = bytes + done
      done += size
    }
    bytes += chunk.length
  })
  await once(socket, 'end')
  return { bytes, wrongAt }
}

/** mulberry32: the same numbers in every run. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let word = Math.imul(state ^ (state >>> 15), 1 | state)
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word
    return ((word ^ (word >>> 14)) >>> 0) / 4_294_967_296
  }
}

const ROUNDS = 1_200
const AT_ONCE = 25

if (process.platform !== 'linux') t.plan(0, 'the kernel relay is for Linux')
else
  for (const fastAfterBytes of [0, 1, 30_000]) {
    t.test(`pushing through the hand-over after ${fastAfterBytes} bytes: nothing lost, nothing twice`, async (t) => {
      const relay = createRelay({
        idleMs: 0,
        lifetimeMs: 0,
        clock: systemClock,
        fast: true,
        fastAfterBytes,
        threads: 2,
      })
      await relay.started
      const random = seeded(fastAfterBytes + 1)
      let [early, moved] = [0, 0]

      const round = async (): Promise<void> => {
        const [a, b] = await Promise.all([tcpPair(), tcpPair()])
        const [up, down] = [Math.floor(random() * 150_000), Math.floor(random() * 150_000)]
        push(a.far, up, random)
        push(b.far, down, random)
        const results = Promise.all([check(b.far), check(a.far)])
        // Sometimes Node has read already, sometimes something was put back, sometimes all is still in the kernel.
        for (const near of [a.near, b.near]) {
          const way = random()
          if (way < 0.4) continue
          near.read(0)
          for (let turns = random() * 4; turns > 1; turns -= 1) await new Promise(setImmediate)
          const chunk = way < 0.7 ? (near.read() as Buffer | null) : null
          if (chunk) near.unshift(chunk)
          if (near.readableLength > 0) early += 1
        }
        const result = relay(a.near, b.near, new AbortController().signal)
        const [atOrigin, atClient] = await results
        const end = await result
        moved += up + down
        const good =
          atOrigin.bytes === up &&
          atClient.bytes === down &&
          atOrigin.wrongAt === undefined &&
          atClient.wrongAt === undefined
        if (!good) t.fail(`sent ${up} and ${down}`, { atOrigin, atClient, end })
        if (end.bytesUp !== up || end.bytesDown !== down || end.ended !== 'finished')
          t.fail(`counted wrongly`, { up, down, end })
      }

      for (let done = 0; done < ROUNDS; done += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, round))
      const { now, ever } = relay.fastPairs()
      const expected = fastAfterBytes === 0 ? ROUNDS * 0.9 : ROUNDS / 3
      t.equal(now, 0)
      t.ok(ever > expected, `${ever} of ${ROUNDS} pairs handed over, ${moved} bytes`)
      if (fastAfterBytes === 0) t.ok(early > ROUNDS / 10, `${early} sides with bytes in user space at the hand-over`)
      await relay.close()
    })
  }
