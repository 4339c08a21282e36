import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { borrow, canBorrow } from '../../../src/relay/borrow.ts'
import { LINGER_BYTES } from '../../../src/relay/limits.ts'
import { rest } from '../../contract/far-ends.ts'
import { tcpPair } from '../../fixtures/socket-pair.ts'
import { until } from '../../fixtures/until.ts'

/** Bytes of a buffer, which the kernel makes as small as it can: a client that reads nothing is soon full. */
const SMALL = new Int32Array([4_096])
/** Several times what it and an untouched receive queue hold. */
const ANSWER_BYTES = 1_000_000

if (process.platform !== 'linux') t.plan(0, 'descriptors are moved on Linux only')
else {
  const { Tunnel } = await import('../../../src/relay/tunnel.ts')
  const { PipePool, pipeShare } = await import('../../../src/relay/pipe-pool.ts')
  const { ROW } = await import('../../../src/relay/worker-protocol.ts')
  const { bind, connect, getSocketName, receive, send, setSocketOption, socket } = await import(
    '../../../src/system/linux/sockets.ts'
  )
  const { AF_INET, MSG_DONTWAIT, SOCK_DGRAM } = await import('../../../src/system/linux/socket-numbers.ts')
  const { close, O_NONBLOCK, poll } = await import('../../../src/system/linux/descriptors.ts')
  const { SOCKET_ADDRESS_BYTES, socketAddress } = await import('../../../src/system/linux/socket-address.ts')
  const MSG_PEEK = 2
  const room = Buffer.alloc(65_536)
  const SOL_SOCKET = 1
  const SO_SNDBUF = 7
  const descriptorOf = (socket: Socket) => {
    if (!canBorrow(socket)) throw new Error('this is a plain socket')
    return borrow(socket, () => {}).fd
  }

  const datagrams = () => {
    const fd = socket(AF_INET, SOCK_DGRAM | O_NONBLOCK, 0)
    const any = socketAddress({ address: '127.0.0.1', port: 0 })
    if (bind(fd, any, any.length) < 0) throw new Error('no port')
    return fd
  }
  const addressOf = (fd: number) => {
    const bytes = new Uint8Array(SOCKET_ADDRESS_BYTES)
    getSocketName(fd, bytes, new Uint32Array([SOCKET_ADDRESS_BYTES]))
    return bytes
  }

  /** A tunnel of two connections, `a` to the client and `b` to the upstream, and what it has reported. */
  const rig = async (t: Test) => {
    const [a, b] = await Promise.all([tcpPair(), tcpPair()])
    const pool = new PipePool(pipeShare(32))
    t.teardown(() => {
      for (const socket of [a.near, a.far, b.near, b.far]) socket.destroy()
      pool.close()
    })
    const [client, upstream] = [descriptorOf(a.near), descriptorOf(b.near)]
    const ends: string[] = []
    const reports = {
      ended: (_: unknown, how: string) => ends.push(how),
      lingering: () => ends.push('lingering'),
      abandoned: () => ends.push('abandoned'),
    }
    const lent = (fd: number) => ({ fd, early: undefined })
    const tunnel = new Tunnel(0, lent(client), lent(upstream), new Float64Array(ROW), pool, reports as never)
    return { a, b, client, upstream, tunnel, ends }
  }

  t.test('behind a reset: all that came before it, and its end, however slow the reader', async (t) => {
    const { a, b, client, tunnel, ends } = await rig(t)
    setSocketOption(client, SOL_SOCKET, SO_SNDBUF, SMALL, SMALL.byteLength)
    const answer = randomBytes(ANSWER_BYTES)
    b.far.end(answer)
    await until('the client is full', () => {
      tunnel.upstream.readable = true
      tunnel.move()
      return !tunnel.client.writable
    })
    // As the kernel tells of a reset that came behind the answer and its FIN.
    tunnel.failed('upstream')
    // It says more than is thrown away, and that is no reason to cut off the answer.
    a.far.write(Buffer.alloc(LINGER_BYTES * 2))
    await until('the client must wait', () => {
      tunnel.client.readable = true
      tunnel.move()
      return ends.length > 0
    })
    t.same(ends.splice(0), ['lingering'], 'but not for ever')
    const got: Buffer[] = []
    a.far.on('data', (chunk: Buffer) => got.push(chunk))
    await until('the whole answer', () => {
      tunnel.client.writable = true
      tunnel.upstream.readable = true
      tunnel.move()
      return Buffer.concat(got).length >= ANSWER_BYTES || ends.includes('upstream-reset')
    })
    t.ok(Buffer.concat(got).equals(answer), 'not a byte is lost')
    await until('the end of it', () => {
      tunnel.move()
      return ends.length > 0
    })
    t.same(ends, ['lingering'], 'it was complete: only what the client still says has nowhere to go')
  })

  for (const [what, breaks] of [
    ['behind its end', 'finished'],
    ['without an end', 'cut off'],
  ] as const) {
    t.test(`a write that hears of a reset first, ${what}: what came before it arrives`, async (t) => {
      const { a, b, client, upstream, tunnel, ends } = await rig(t)
      const answer = randomBytes(10_000)
      const got: Buffer[] = []
      let hasEnded = false
      a.far
        .on('data', (chunk: Buffer) => got.push(chunk))
        .on('end', () => {
          hasEnded = true
        })
      a.far.on('error', () => {})
      const says = async (bytes: string) => {
        a.far.write(bytes)
        await until('it has come', () => receive(client, room, room.length, MSG_DONTWAIT | MSG_PEEK) > 0)
        tunnel.client.readable = true
        tunnel.move()
      }

      // What stays unread makes the kernel answer with a reset when its reader closes.
      b.far.pause()
      await says('unread')
      await new Promise((resolve) =>
        breaks === 'finished' ? b.far.end(answer, () => resolve(true)) : b.far.write(answer, () => resolve(true)),
      )
      await until(
        'the answer has come',
        () => receive(upstream, room, room.length, MSG_DONTWAIT | MSG_PEEK) === answer.length,
      )
      const closed = once(b.far, 'close')
      if (breaks === 'finished') b.far.destroy()
      else b.far.resetAndDestroy()
      await closed
      await says('more, for nobody')
      t.same(ends, [], 'there is still something to be read')
      await until('all that it said', () => {
        tunnel.upstream.readable = true
        tunnel.move()
        return Buffer.concat(got).length >= answer.length && ends.length > 0
      })
      t.ok(Buffer.concat(got).equals(answer))
      t.same(ends, [breaks === 'finished' ? 'lingering' : 'upstream-reset'])
      if (breaks === 'finished') await until('its end', () => hasEnded)
      else t.notOk(hasEnded, 'which is not told as an end')
    })
  }

  t.test('an error that is no reset, behind an end that was announced: what was said before is complete', async (t) => {
    // The kernel says such an error to a write when a machine has vanished. Here datagrams stand for the upstream: an empty one reads like an end, and a write to nobody is refused.
    const [upstream, far] = [datagrams(), datagrams()]
    const [here, there] = [addressOf(upstream), addressOf(far)]
    connect(upstream, there, SOCKET_ADDRESS_BYTES)
    connect(far, here, SOCKET_ADDRESS_BYTES)
    const a = await tcpPair()
    const pool = new PipePool(pipeShare(32))
    t.teardown(() => {
      for (const socket of [a.near, a.far]) socket.destroy()
      close(upstream)
      pool.close()
    })
    send(far, Buffer.from('answer'), 6, 0)
    send(far, Buffer.alloc(0), 0, 0)
    close(far)
    send(upstream, Buffer.from('?'), 1, 0)
    await until('it is known that there is nobody', () => {
      const asked = Buffer.alloc(8)
      asked.writeInt32LE(upstream)
      poll(asked, 1, 0)
      return asked.readInt16LE(6) !== 0 // POLLERR
    })
    const said: string[] = []
    const reports = { ended: (_: unknown, how: string) => said.push(how), lingering: () => said.push('lingering') }
    const lent = (fd: number) => ({ fd, early: undefined })
    const client = descriptorOf(a.near)
    const tunnel = new Tunnel(0, lent(client), lent(upstream), new Float64Array(ROW), pool, reports as never)
    tunnel.upstream.finCame = true
    a.far.write('more, for nobody')
    await until('it has come', () => receive(client, room, room.length, MSG_DONTWAIT | MSG_PEEK) > 0)
    tunnel.client.readable = true
    tunnel.move()
    tunnel.upstream.readable = true
    tunnel.move()
    t.same(said, ['lingering'])
    t.equal(await rest(a.far), 'answer')
  })
}
