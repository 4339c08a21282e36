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

t.test('who waits awake takes what is there, and sleeps when there has been nothing', { skip }, async (t) => {
  const { EventLoop } = await import('../../../src/front/event-loop.ts')
  const { close, eventDescriptor, read } = await import('../../../src/system/linux/descriptors.ts')
  const { ring } = await import('../../../src/system/bell.ts')
  const loop = new EventLoop()
  const bell = eventDescriptor(0, 0)
  t.teardown(() => {
    loop.close()
    close(bell)
  })
  let heard = 0
  const happened = () => {
    read(bell, new Uint8Array(8), 8)
    heard += 1
  }
  t.equal(loop.watch(bell, EPOLLIN, { happened }), true)
  ring(bell)
  const began = performance.now()
  loop.wait(60_000, 30_000)
  loop.tell(-1)
  t.equal(heard, 1, 'at once')
  loop.wait(20, 5)
  loop.tell(-1)
  t.equal(heard, 1)
  const took = performance.now() - began
  t.ok(took >= 24, `awake, then asleep: ${took} ms`)
})

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
