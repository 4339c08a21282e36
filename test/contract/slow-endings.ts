import { randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import { LINGER_BYTES } from '../../src/relay/limits.ts'
import { until } from '../fixtures/until.ts'
import { closed, hash, heard, unacknowledged } from './far-ends.ts'
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
    await until('the gateway’s kernel has it', () => reader.writableLength === 0 && unacknowledged(reader) === 0)
    await turn()
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
