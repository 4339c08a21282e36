import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import { type SeededRandom, seededRandom } from '../fixtures/seeded-random.ts'
import type { Tunnels } from './tunnel.ts'

/** In each direction of a tunnel. */
const BYTES = 400_000
export const TUNNELS = 24
const AT_ONCE = 8

/** Words that are their own places: whatever is lost, repeated or swapped shows, and where. */
const words = Buffer.from(new Uint32Array(BYTES / 4).map((_, place) => place).buffer)

/**
 * Talkers in bursts, of much, of little, and of hundreds of crumbs, both ways at once, and readers that are now and then behind. `open` should make the gateway's
 * send buffers small, so that every kind of piece meets a full one.
 */
export function burstContract(t: Test, open: Tunnels['open']): void {
  t.test('bursts of all sizes, both ways at once, to readers that are now and then behind', async (t) => {
    const wrong: string[] = []
    const transfer = async (seed: number) => {
      const { client, origin, result } = await open()
      const random = seededRandom(seed)
      t.teardown(() => {
        client.destroy()
        origin.destroy()
      })
      const seen = Promise.all([hear(origin, random), hear(client, random)])
      await Promise.all([talk(client, random), talk(origin, random)])
      for (const fault of await seen) if (fault) wrong.push(`tunnel ${seed}: ${fault}`)
      await result
    }
    for (let done = 0; done < TUNNELS; done += AT_ONCE)
      await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => transfer(done + index)))
    t.same(wrong, [])
  })
}

/** How many pieces, of how many bytes: much; crumbs, of which a pipe takes few bytes at a time, for each has a place of its own there; and some more behind them. */
const BURST: readonly (readonly [pieces: number, least: number, most: number])[] = [
  [1, 16_000, 24_000],
  [400, 1, 12],
  [4, 1, 8_000],
]

async function talk(socket: Socket, random: SeededRandom): Promise<void> {
  socket.setNoDelay(true)
  for (let at = 0; at < BYTES; ) {
    for (const [pieces, least, most] of BURST) {
      for (let piece = 0; piece < pieces && at < BYTES; piece += 1) {
        const size = Math.min(BYTES - at, least + random.below(most - least))
        if (!socket.write(words.subarray(at, at + size))) await once(socket, 'drain')
        at += size
      }
    }
    for (let turns = random.below(4); turns > 0; turns -= 1) await turn()
  }
  socket.end()
}

/** To the end; what is wrong with what came. */
async function hear(socket: Socket, random: SeededRandom): Promise<string | undefined> {
  let at = 0
  let fault: string | undefined
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    if (!fault && chunk.compare(words, at, at + chunk.length) !== 0)
      fault = `wrong from between ${at} and ${at + chunk.length}`
    at += chunk.length
    if (random.below(2) === 0) for (let turns = random.below(12); turns > 0; turns -= 1) await turn()
  }
  return fault ?? (at === BYTES ? undefined : `${at} bytes of ${BYTES}`)
}
