import t from 'tap'
import type { Clock } from '../../../../src/contracts/clock.ts'
import { IdleConns, watchEvents } from '../../../../src/dialers/request/idle-conns.ts'
import { tcpPair } from '../../../fixtures/socket-pair.ts'
import { until } from '../../../fixtures/until.ts'

/** A clock whose timers run when the test says so. */
function handClock() {
  const tasks = new Map<() => void, number>()
  const clock: Clock = {
    wall: () => 0,
    monotonic: () => 0,
    after(ms, task) {
      tasks.set(task, ms)
      return () => void tasks.delete(task)
    },
  }
  return {
    clock,
    tasks,
    ring(ms: number) {
      for (const [task, due] of tasks) if (due <= ms) task()
    },
  }
}

function pool(overrides: { maxIdle?: number; maxIdlePerKey?: number } = {}) {
  const { clock, tasks, ring } = handClock()
  return {
    idle: new IdleConns({ clock, idleMs: 1000, maxIdle: 10, maxIdlePerKey: 10, ...overrides }, watchEvents),
    tasks,
    ring,
  }
}

t.test('lends the one used last, of the same key only', async (t) => {
  const { idle, tasks } = pool()
  const [a, b, c] = await Promise.all([tcpPair(), tcpPair(), tcpPair()])
  const listeners = (conn: typeof b.near) => ['data', 'end', 'error', 'close'].map((event) => conn.listenerCount(event))
  const before = listeners(b.near)
  idle.keep('k', a.near)
  idle.keep('k', b.near)
  idle.keep('other', c.near)
  t.equal(idle.take('none'), undefined)
  const loan = idle.take('k')!
  t.equal(loan.conn, b.near)
  loan.release()
  t.equal(idle.take('k')!.conn, a.near)
  t.equal(idle.take('k'), undefined)
  t.equal(idle.size, 1)
  t.same(listeners(b.near), before, 'nobody of ours listens to a connection after release')
  t.equal(tasks.size, 2, 'its timer is gone too; the unreleased one and the idle one have theirs')
  for (const { near } of [a, b, c]) near.destroy()
})

t.test('time, bytes, FIN and reset end an idle connection', async (t) => {
  for (const [what, happen] of [
    ['time', (_far: Awaited<ReturnType<typeof tcpPair>>['far'], ring: (ms: number) => void) => ring(1000)],
    ['bytes', (far: Awaited<ReturnType<typeof tcpPair>>['far']) => void far.write('unasked')],
    ['FIN', (far: Awaited<ReturnType<typeof tcpPair>>['far']) => void far.end()],
    ['a reset', (far: Awaited<ReturnType<typeof tcpPair>>['far']) => void far.resetAndDestroy()],
  ] as const) {
    const { idle, tasks, ring } = pool()
    const { near, far } = await tcpPair()
    near.on('error', () => {})
    idle.keep('k', near)
    happen(far, ring)
    await until(`${what} ends it`, () => near.destroyed)
    t.equal(idle.size, 0, what)
    t.equal(idle.take('k'), undefined, what)
    t.equal(tasks.size, 0, `${what}: no timer left`)
    far.destroy()
  }
})

t.test('another network: all that are idle are ended, and later ones are kept', async (t) => {
  const { idle, tasks } = pool()
  const [a, b] = await Promise.all([tcpPair(), tcpPair()])
  idle.keep('k', a.near)
  idle.dropAll()
  t.same([a.near.destroyed, idle.size, tasks.size], [true, 0, 0])
  idle.keep('k', b.near)
  t.equal(idle.size, 1)
  idle.close()
})

t.test('still watched until released', async (t) => {
  const { idle } = pool()
  const { near, far } = await tcpPair()
  idle.keep('k', near)
  idle.take('k')
  far.write('late answer to nobody')
  await until('it is closed', () => near.destroyed)
  t.ok(near.destroyed)
  far.destroy()
})

t.test('limits: in all (the oldest goes), per key (the newest is not kept), the server’s own', async (t) => {
  const { idle, tasks } = pool({ maxIdle: 2, maxIdlePerKey: 1 })
  const pairs = await Promise.all([tcpPair(), tcpPair(), tcpPair(), tcpPair(), tcpPair()])
  const [a, b, c, d, e] = pairs.map(({ near }) => near) as [(typeof pairs)[0]['near'], ...(typeof pairs)[0]['near'][]]
  idle.keep('a', a!)
  idle.keep('b', b!)
  idle.keep('b', c!)
  t.ok(c!.destroyed, 'per key')
  idle.keep('d', d!)
  t.ok(a!.destroyed, 'in all')
  t.equal(idle.size, 2)
  idle.take('b')!.release()
  idle.keep('e', e!, 300)
  t.ok([...tasks.values()].includes(300), 'the server announced less')
  const hinted = await tcpPair()
  idle.keep('f', hinted.near, 0)
  t.ok(hinted.near.destroyed, 'and this one too little')
  idle.dropKey('d')
  t.ok(d!.destroyed)
  idle.close()
  t.ok(e!.destroyed)
  t.equal(idle.size, 0)
  const late = await tcpPair()
  idle.keep('k', late.near)
  t.ok(late.near.destroyed, 'nothing is kept after close')
  for (const { near, far } of [...pairs, hinted, late]) {
    near.destroy()
    far.destroy()
  }
})
