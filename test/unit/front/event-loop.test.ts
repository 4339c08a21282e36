import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readlinkSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { EPOLLIN } from '../../../src/system/linux/epoll.ts'

const skip = process.platform !== 'linux' && 'epoll is Linux’s'

t.test(
  'what others have open too leaves the loop with its descriptor, and can come back under the same number',
  { skip },
  async (t) => {
    const { EventLoop } = await import('../../../src/front/event-loop.ts')
    const { duplicate } = await import('../../../src/system/linux/descriptors.ts')
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-test-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const fifo = join(folder, 'fifo')
    execFileSync('mkfifo', [fifo])
    const ours = openSync(fifo, 'r+')
    t.teardown(() => closeSync(ours))
    const loop = new EventLoop()
    t.teardown(() => loop.close())
    const told: string[] = []
    const watcher = (name: string) => ({ happened: () => void told.push(name) })
    const first = duplicate(ours)
    t.equal(loop.watch(first, EPOLLIN, watcher('first')), true)
    loop.closeShared(first)
    const second = again(first, () => duplicate(ours))
    t.equal(loop.watch(second, EPOLLIN, watcher('second')), true, 'the kernel has forgotten the one before')
    writeSync(ours, 'x')
    loop.wait(1_000)
    loop.tell(-1)
    t.same(told, ['second'])
    loop.closeShared(second)
    loop.wait(0)
    loop.tell(-1)
    t.same(told, ['second'], 'and nothing is told of it any more')
    t.match(readlinkSync(`/proc/self/fd/${ours}`), 'fifo')
  },
)

/** Opens until the number is that one: another thread of Node's may have been quicker. */
function again(number: number, open: () => number): number {
  const others: number[] = []
  for (;;) {
    const fd = open()
    if (fd === number || others.length >= 1_000) {
      for (const other of others) closeSync(other)
      return fd
    }
    others.push(fd)
  }
}
