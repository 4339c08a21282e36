import { readdirSync } from 'node:fs'
import t from 'tap'
import { MAX_SPARE_PIPES, PipePool, pipeShare } from '../../../src/relay/pipe-pool.ts'

/** All that the kernel lets an unprivileged user have in pipes, where nobody has changed it. */
const OF_A_USER_BYTES = 64 * 1024 * 1024
const LARGE_BYTES = 1024 * 1024
const SMALL_BYTES = 64 * 1024

t.test('all threads together leave a user some of what there is for pipes', async (t) => {
  for (let threads = 1; threads <= 12; threads += 1) {
    const { most, large, spare } = pipeShare(threads)
    const bytes = threads * (large * LARGE_BYTES + (most - large) * SMALL_BYTES)
    t.ok(bytes <= (OF_A_USER_BYTES * 3) / 4, `${threads} threads: ${bytes}`)
    t.ok(most >= large && large >= spare && spare >= 1, `${most}, ${large}, ${spare}`)
  }
})

t.test('few pipes are kept for the next use', { skip: process.platform !== 'linux' && 'for Linux' }, async (t) => {
  const open = () => readdirSync('/proc/self/fd').length
  const before = open()
  const pool = new PipePool({ ...pipeShare(1), most: 10 })
  const pipes = Array.from({ length: 10 }, () => pool.take())
  t.notOk(pool.take(), 'no more than it may have')
  for (const pipe of pipes) pool.give(pipe!, true)
  t.equal(open() - before, 2 * MAX_SPARE_PIPES)
  pool.close()
  t.equal(open(), before)
})
