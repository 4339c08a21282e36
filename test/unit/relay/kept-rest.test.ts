import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import t from 'tap'
import { borrow, canBorrow } from '../../../src/relay/borrow.ts'
import { tcpPair } from '../../fixtures/socket-pair.ts'
import { until } from '../../fixtures/until.ts'

/** What fills the buffer of a copy: after it, a direction goes over to a pipe. */
const FULL_BYTES = 16 * 1024
/** What comes through the pipe then, so little that the next read is a copy again. */
const LITTLE_BYTES = 4 * 1024
const REST_BYTES = 10_000
/** Tries in a row that find an end full before it is believed to be. */
const SURELY = 50
/** The kernel makes it as small as it can. */
const SMALL = new Int32Array([4_096])
const SOL_SOCKET = 1
const SO_SNDBUF = 7
const MSG_PEEK = 2

if (process.platform !== 'linux') t.plan(0, 'descriptors are moved on Linux only')
else {
  const { Direction } = await import('../../../src/relay/direction.ts')
  const { PipePool, pipeShare } = await import('../../../src/relay/pipe-pool.ts')
  const { MSG_DONTWAIT, MSG_NOSIGNAL } = await import('../../../src/system/linux/socket-numbers.ts')
  const { receive, send, setSocketOption } = await import('../../../src/system/linux/sockets.ts')

  const descriptorOf = (socket: Socket) => {
    if (!canBorrow(socket)) throw new Error('this is a plain socket')
    return borrow(socket, () => {}).fd
  }

  t.test('what a copy could not deliver is kept when the pipe before it goes back', async (t) => {
    const [a, b] = await Promise.all([tcpPair(), tcpPair()])
    const pool = new PipePool(pipeShare(32))
    t.teardown(() => {
      for (const socket of [a.near, a.far, b.near, b.far]) socket.destroy()
      pool.close()
    })
    const [near, source, sink, far] = [a.near, a.far, b.near, b.far].map(descriptorOf) as [
      number,
      number,
      number,
      number,
    ]
    setSocketOption(sink, SOL_SOCKET, SO_SNDBUF, SMALL, SMALL.byteLength)
    const room = Buffer.alloc(1024 * 1024)
    const say = (bytes: Uint8Array) => send(source, bytes, bytes.length, MSG_NOSIGNAL)
    const waiting = () => receive(near, room, room.length, MSG_DONTWAIT | MSG_PEEK)
    const fill = () => {
      let filled = 0
      for (let refused = 0; refused < SURELY; ) {
        const sent = send(sink, room, room.length, MSG_DONTWAIT | MSG_NOSIGNAL)
        refused = sent < 0 ? refused + 1 : 0
        if (sent > 0) filled += sent
      }
      return filled
    }

    const first = randomBytes(FULL_BYTES + LITTLE_BYTES)
    const rest = randomBytes(REST_BYTES)
    let counted = 0
    let filled = -1
    const moved = (_: unknown, bytes: number) => {
      counted += bytes
      if (counted < first.length || filled >= 0) return
      // The pipe is empty, and not given back yet. More comes at this moment, for an end that takes nothing any more.
      say(rest)
      while (waiting() < rest.length);
      filled = fill()
    }
    const from = { fd: near, readable: true, writable: true, shortIsAll: false, urgent: false, finCame: false }
    const to = { fd: sink, readable: true, writable: true, shortIsAll: false, urgent: false, finCame: false }
    const direction = new Direction(from, to, undefined, pool, { moved })

    say(first)
    await until('all of the first has come', () => waiting() === first.length)
    t.equal(direction.move(), 'waits')
    t.equal(counted, first.length, 'the rest was read and could not be sent')
    t.equal(to.writable, false)
    t.equal(waiting(), -1)

    const got: Buffer[] = []
    let length = 0
    const whole = first.length + filled + rest.length
    await until('everything', () => {
      for (;;) {
        const bytes = receive(far, room, room.length, MSG_DONTWAIT)
        if (bytes <= 0) break
        got.push(Buffer.from(room.subarray(0, bytes)))
        length += bytes
      }
      to.writable = true
      from.readable = true
      direction.move()
      return length >= whole
    })
    t.ok(Buffer.concat(got).subarray(-rest.length).equals(rest), 'not a byte is lost')
    direction.close()
  })
}
