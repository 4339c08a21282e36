import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import t from 'tap'
import { borrow, canBorrow } from '../../../src/relay/borrow.ts'
import type { PipePool } from '../../../src/relay/pipe-pool.ts'
import { tcpPair } from '../../fixtures/socket-pair.ts'

if (process.platform !== 'linux') t.plan(0, 'descriptors are moved on Linux only')
else {
  const { Direction } = await import('../../../src/relay/direction.ts')
  const { SHUT_WR } = await import('../../../src/system/linux/socket-numbers.ts')
  const { shutdown } = await import('../../../src/system/linux/sockets.ts')
  const { PipePool: Pool, pipeShare } = await import('../../../src/relay/pipe-pool.ts')

  /** Moves as a worker would that is told of everything all the time. */
  async function through(
    pool: PipePool,
    early: Uint8Array | undefined,
    body: Buffer,
  ): Promise<{ got: Buffer; counted: number }> {
    const [a, b] = await Promise.all([tcpPair(), tcpPair()])
    if (!canBorrow(a.near) || !canBorrow(b.near)) throw new Error('these are plain sockets')
    const from = {
      fd: borrow(a.near, () => {}).fd,
      readable: true,
      writable: true,
      shortIsAll: false,
      urgent: false,
      finCame: false,
    }
    const to = {
      fd: borrow(b.near, () => {}).fd,
      readable: true,
      writable: true,
      shortIsAll: false,
      urgent: false,
      finCame: false,
    }
    let counted = 0
    const direction = new Direction(from, to, early, pool, {
      moved: (_direction, bytes) => {
        counted += bytes
      },
    })
    const chunks: Buffer[] = []
    b.far.on('data', (chunk: Buffer) => chunks.push(chunk))
    const end = once(b.far, 'end')
    a.far.end(body)
    while (!direction.done) {
      direction.move()
      from.readable = true
      to.writable = true
      await new Promise(setImmediate)
    }
    direction.close()
    shutdown(to.fd, SHUT_WR)
    await end
    for (const socket of [a.near, a.far, b.near, b.far]) socket.destroy()
    return { got: Buffer.concat(chunks), counted }
  }

  const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

  for (const [name, pipes] of [
    ['through pipes', 8],
    ['with no pipe to be had: copied', 0],
  ] as const) {
    t.test(`bytes go over ${name}`, async (t) => {
      const pool = new Pool({ ...pipeShare(1), most: pipes })
      const [early, body] = [randomBytes(300_000), randomBytes(20_000_000)]
      const { got, counted } = await through(pool, new Uint8Array(early), body)
      t.equal(hash(got), hash(Buffer.concat([early, body])))
      t.equal(counted, early.length + body.length)
      pool.close()
    })
  }
}
