import t, { type Test } from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { Engine } from '../../../src/gateway/engine.ts'
import { createLog } from '../../../src/observe/log.ts'
import type { EngineSettings } from '../../../src/settings/settings.ts'
import { type FakeEngine, fakeEngine } from '../../fixtures/fake-engine.ts'
import { until } from '../../fixtures/until.ts'

const MINUTE = 60_000

/** Waits are a hundred times shorter, but for those of a minute, which end when the test says so. */
function follow(t: Test) {
  const minutes = new Set<() => void>()
  const clock = {
    ...systemClock,
    after(ms: number, task: () => void) {
      if (ms !== MINUTE) return systemClock.after(ms / 100, task)
      const own = () => task()
      minutes.add(own)
      return () => void minutes.delete(own)
    },
  }
  const said: string[] = []
  const log = createLog({ level: 'info', format: 'json' }, { write: (line: string) => said.push(line) })
  const engine = new Engine(clock, log)
  t.teardown(() => engine.close())
  let changes = 0
  engine.onChange(() => {
    changes += 1
  })
  return {
    engine,
    said,
    minutes: () => minutes.size,
    minutePasses() {
      for (const task of minutes) {
        minutes.delete(task)
        task()
      }
    },
    changes: () => changes,
    knows: () => engine.view().containers.map(({ name }) => name),
    networks: () => engine.view().networks.map(({ name }) => name),
  }
}

const at = ({ address }: FakeEngine, auto = false): EngineSettings => ({ address, auto })

async function running(t: Test, name: string, ip: string): Promise<FakeEngine> {
  const engine = await fakeEngine(t)
  engine.networks = [{ name: `${name}_default`, subnets: [`${ip}/16`] }]
  engine.containers = [{ name, networks: { [`${name}_default`]: { ip } } }]
  await engine.start()
  return engine
}

t.test('another engine: what was known holds until it has answered', async (t) => {
  const { engine, knows, networks, minutes, changes } = follow(t)
  const [first, second] = [await running(t, 'one', '172.20.0.2'), await running(t, 'two', '172.21.0.2')]
  engine.configure(at(first))
  t.same(networks(), [], 'nothing before the first word of the first one')
  await until('the first', () => knows().includes('one'))
  await second.stop()
  engine.configure(at(second))
  t.equal(engine.connected, false)
  t.equal(engine.isCurrent, false)
  t.equal(engine.byAddress('172.20.0.2')?.name, 'one')
  t.same(networks(), ['one_default'])
  const before = changes()
  await second.start()
  await until('the second', () => engine.connected)
  t.same([knows(), networks()], [['two'], ['two_default']])
  t.equal(engine.byAddress('172.20.0.2'), undefined)
  t.ok(changes() > before)
  await until('the end of its reading', () => minutes() === 0)
})

t.test('one that never answers: containers are forgotten after a minute, their networks are not', async (t) => {
  const { engine, knows, networks, minutes, minutePasses, changes, said } = follow(t)
  const [first, second, third] = [await running(t, 'one', '172.20.0.2'), await fakeEngine(t), await fakeEngine(t)]
  engine.configure(at(first))
  await until('the first', () => knows().includes('one') && minutes() === 0)
  engine.configure(at(second))
  engine.configure(at(third))
  t.equal(minutes(), 1, 'another reload does not make it longer')
  t.same(knows(), ['one'])
  const before = changes()
  minutePasses()
  t.equal(changes(), before + 1)
  t.same([knows(), networks()], [[], ['one_default']])
  t.equal(engine.byAddress('172.20.0.2'), undefined)
  t.match(said.at(-1), /has not answered for 60 s/)
  engine.configure(at(second))
  t.equal(minutes(), 0)
  t.same(networks(), ['one_default'])
  engine.configure(at(first))
  await until('the first again', () => knows().includes('one'))
})

t.test('an engine that has nothing: the one before is forgotten, and that is told', async (t) => {
  const { engine, knows, networks, changes } = follow(t)
  const [first, second] = [await running(t, 'one', '172.20.0.2'), await fakeEngine(t)]
  engine.configure(at(first))
  await until('the first', () => knows().includes('one'))
  engine.configure(at(second))
  const before = changes()
  await second.start()
  await until('the second', () => engine.connected)
  t.same([knows(), networks()], [[], []])
  t.ok(changes() > before)
})

t.test('no engine: nothing is known at once, and nothing comes back', async (t) => {
  const { engine, knows, networks, minutes } = follow(t)
  const [first, second] = [await running(t, 'one', '172.20.0.2'), await fakeEngine(t)]
  engine.configure(at(first))
  await until('the first', () => knows().includes('one') && minutes() === 0)
  engine.configure(at(second))
  engine.configure(undefined)
  t.same([knows(), networks()], [[], []])
  t.equal(minutes(), 0)
  engine.configure(at(second))
  t.same([knows(), networks()], [[], []])
  t.equal(minutes(), 0)
})

t.test('the same engine in other words is not disturbed', async (t) => {
  const { engine, knows, minutes, changes } = follow(t)
  const first = await running(t, 'one', '172.20.0.2')
  engine.configure(at(first))
  await until('the first', () => knows().includes('one') && minutes() === 0)
  const [before, asked] = [changes(), first.asked.filter((path) => path === '/version').length]
  engine.configure(at(first, true))
  t.equal(engine.connected, true)
  t.equal(changes(), before)
  t.equal(first.followers, 1)
  t.equal(first.asked.filter((path) => path === '/version').length, asked)
})
