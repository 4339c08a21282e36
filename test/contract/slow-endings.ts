import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import { LINGER_BYTES } from '../../src/relay/limits.ts'
import { until } from '../fixtures/until.ts'
import { closed, failure, hash, heard, rest, unacknowledged } from './far-ends.ts'
import type { Running } from './tunnel.ts'

/** A tunnel of a clock that the test has in hand, or of the machine's, where five seconds are waited for. */
export interface TimedTunnel extends Running {
  /** A second. */
  letTimePass(): void
}

/** Bytes of an answer: several times what arrives at a program that does not read, and less than the gateway's kernel takes at once on loopback. */
const ANSWER_BYTES = 1_000_000

/** Beyond what is thrown away: more than the last read of it may take along (16 KiB), and so little that it fits into a receive queue in which a half-read segment of loopback (64 KiB) still counts. */
const UNREAD_BYTES = 20_000

/** Bytes of one that all buffers between its sender and its reader do not take whole. */
const LONG_ANSWER_BYTES = 48 * 1024 * 1024

/** Pieces said too late, in bytes. Node's streams learn of a reset by writing once more; of what comes last, some stays unread in the gateway's receive queue. */
const LITTLE: readonly number[] = [1, 1, 1]
const LATE: readonly [what: string, pieces: readonly number[]][] = [
  ['little is said too late', LITTLE],
  ['more is said too late than is thrown away', [...LITTLE, LINGER_BYTES + UNREAD_BYTES]],
]

/** What every tunnel does for a side that reads slowly, when the other has said everything and then broken off. On Linux, which can be asked for what has arrived. */
export function slowEndingContract(t: Test, open: () => Promise<TimedTunnel>): void {
  t.test('a complete answer arrives, though its sender broke off and the reader is slow', async (t) => {
    const scenes = (['origin', 'client'] as const).flatMap((talker) =>
      LATE.map(([what, late]) => scene(t, open, talker, `${talker}: ${what}`, late)),
    )
    await Promise.all(scenes)
  })

  t.test(
    'a complete answer arrives, also what the tunnel had not read yet when a write heard that its sender broke off',
    async (t) => {
      const { client, origin, result, letTimePass } = await open()
      t.teardown(() => {
        client.destroy()
        origin.destroy()
      })
      const answer = randomBytes(LONG_ANSWER_BYTES)
      const got: Buffer[] = []
      origin.end(answer)
      // The client reads no more than it must for the rest to come to stand before the tunnel.
      await until('all of it has left the origin', () => {
        const piece = client.read() as Buffer | null
        if (piece) got.push(piece)
        return origin.writableFinished && unacknowledged(origin) === 0
      })
      origin.destroy() // fully closed: whatever arrives from now on is answered with a reset
      await closed(origin)
      for (const bytes of LITTLE) {
        client.write(Buffer.alloc(bytes))
        await said(client)
      }
      const { bytes, end } = await heard(client)
      const all = Buffer.concat([...got, bytes])
      t.same({ length: all.length, same: all.equals(answer), end }, { length: answer.length, same: true, end: 'end' })
      client.end()
      let hasEnded = false
      void result.then(() => {
        hasEnded = true
      })
      await until('the tunnel has ended', () => {
        letTimePass()
        return hasEnded
      })
    },
  )

  t.test(
    'a client that has said everything and left: an origin that goes on sending is told without delay',
    async (t) => {
      const { client, origin, result } = await open()
      t.teardown(() => {
        client.destroy()
        origin.destroy()
      })
      client.end('request')
      t.equal(await rest(origin), 'request')
      client.destroy() // fully closed
      const told = failure(origin)
      const chunk = Buffer.alloc(LINGER_BYTES)
      const goOn = () => {
        while (!origin.destroyed && origin.write(chunk)) {
          // The kernel has taken it at once.
        }
      }
      origin.on('drain', goOn)
      goOn()
      t.match(await told, /^(ECONNRESET|EPIPE)$/)
      t.match(await result, { ended: 'client-reset' })
    },
  )
}

async function scene(
  t: Test,
  open: () => Promise<TimedTunnel>,
  talker: 'origin' | 'client',
  name: string,
  late: readonly number[],
) {
  const { client, origin, counts, result, letTimePass } = await open()
  const [from, reader] = talker === 'origin' ? [origin, client] : [client, origin]
  t.teardown(() => {
    client.destroy()
    origin.destroy()
  })
  const answer = randomBytes(ANSWER_BYTES)
  from.end(answer)
  await until('all of it is with the kernel, for the reader', () => {
    letTimePass()
    return (talker === 'origin' ? counts.bytesDown : counts.bytesUp) === answer.length
  })
  from.destroy() // fully closed: whatever arrives from now on is answered with a reset
  await closed(from)
  let ended: string | undefined
  void result.then((result) => {
    ended = result.ended
  })
  for (const bytes of late) {
    reader.write(Buffer.alloc(bytes))
    await said(reader)
  }
  await until('the tunnel has ended', () => {
    letTimePass()
    return ended !== undefined
  })
  t.equal(ended, talker === 'origin' ? 'upstream-reset' : 'client-reset', name)
  const { bytes, end } = await heard(reader)
  t.same(
    { length: bytes.length, same: hash(bytes) === hash(answer), end },
    { length: answer.length, same: true, end: 'end' },
    name,
  )
}

async function said(socket: Socket): Promise<void> {
  await until('the gateway’s kernel has it', () => socket.writableLength === 0 && unacknowledged(socket) === 0)
  await turn()
}
