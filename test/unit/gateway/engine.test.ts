import t, { type Test } from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { Engine } from '../../../src/gateway/engine.ts'
import { createLog } from '../../../src/observe/log.ts'
import type { EngineSettings } from '../../../src/settings/settings.ts'
import { type FakeEngine, fakeEngine, VERSIONS } from '../../fixtures/fake-engine.ts'
import { until } from '../../fixtures/until.ts'

/** Milliseconds until an engine that does not come back has ended, until one that says nothing is not waited for, and until the one before it is forgotten. */
const ENDED = 400
const FIRST_WORD = 2_000
const MINUTE = 60_000

/** Waits are a hundred times shorter, but for those after which an answer is too late, and for `endless`, which end when the test says so. */
function follow(t: Test, endless = [ENDED, MINUTE]) {
  const held = new Set<{ readonly ms: number; readonly task: () => void }>()
  const clock = {
    ...systemClock,
    after(ms: number, task: () => void) {
      if (!endless.includes(ms)) return systemClock.after(ms < 15_000 ? ms / 100 : ms, task)
      const own = { ms, task }
      held.add(own)
      return () => void held.delete(own)
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
    waits: (wanted: number) => [...held].filter(({ ms }) => ms === wanted).length,
    passes(wanted: number) {
      for (const own of held) {
        if (own.ms !== wanted) continue
        held.delete(own)
        own.task()
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
  const { engine, knows, networks, waits, changes } = follow(t)
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
  await until('the end of its reading', () => waits(MINUTE) === 0)
})

t.test('one that never answers: containers are forgotten after a minute, their networks are not', async (t) => {
  const { engine, knows, networks, waits, passes, changes, said } = follow(t)
  const [first, second, third] = [await running(t, 'one', '172.20.0.2'), await fakeEngine(t), await fakeEngine(t)]
  engine.configure(at(first))
  await until('the first', () => knows().includes('one') && waits(MINUTE) === 0)
  engine.configure(at(second))
  engine.configure(at(third))
  t.equal(waits(MINUTE), 1, 'another reload does not make it longer')
  t.same(knows(), ['one'])
  const before = changes()
  passes(MINUTE)
  t.equal(changes(), before + 1)
  t.same([knows(), networks()], [[], ['one_default']])
  t.equal(engine.byAddress('172.20.0.2'), undefined)
  t.match(said.at(-1), /has not answered for 60 s/)
  engine.configure(at(second))
  t.equal(waits(MINUTE), 0)
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
  const { engine, knows, networks, waits } = follow(t)
  const [first, second] = [await running(t, 'one', '172.20.0.2'), await fakeEngine(t)]
  engine.configure(at(first))
  await until('the first', () => knows().includes('one') && waits(MINUTE) === 0)
  engine.configure(at(second))
  engine.configure(undefined)
  t.same([knows(), networks()], [[], []])
  t.equal(waits(MINUTE), 0)
  engine.configure(at(second))
  t.same([knows(), networks()], [[], []])
  t.equal(waits(MINUTE), 0)
})

t.test('the same engine in other words is not disturbed', async (t) => {
  const { engine, knows, waits, changes } = follow(t)
  const first = await running(t, 'one', '172.20.0.2')
  engine.configure(at(first))
  await until('the first', () => knows().includes('one') && waits(MINUTE) === 0)
  const [before, asked] = [changes(), first.asked.filter((path) => path === '/version').length]
  engine.configure(at(first, true))
  t.equal(engine.connected, true)
  t.equal(changes(), before)
  t.equal(first.followers, 1)
  t.equal(first.asked.filter((path) => path === '/version').length, asked)
})

/** A Docker engine whose containers go, or do not go, when it does, or that does not say. */
function withLiveRestore(engine: FakeEngine, livesOn: boolean | undefined, component = 'Engine'): void {
  engine.versions = { ...VERSIONS, Components: [{ Name: component }, { Name: 'containerd' }] }
  engine.intercept = (path, response) => {
    if (path !== '/info') return false
    if (livesOn === undefined) response.writeHead(403).end('{"message":"not for you"}')
    else response.end(JSON.stringify({ LiveRestoreEnabled: livesOn, Containers: 1 }))
    return true
  }
}

t.test('an engine whose containers end with it: nobody is known until it is back', async (t) => {
  const { engine, knows, networks, waits, passes, said, changes } = follow(t)
  const first = await running(t, 'one', '172.20.0.2')
  withLiveRestore(first, false)
  engine.configure(at(first))
  await until('the first', () => knows().includes('one'))
  await first.stop()
  await until('the loss', () => !engine.connected)
  t.equal(waits(ENDED), 1)
  t.same(knows(), ['one'], 'it may only have been cut off')
  const before = changes()
  passes(ENDED)
  t.ok(changes() > before)
  t.same([knows(), networks()], [[], ['one_default']])
  t.equal(engine.byAddress('172.20.0.2'), undefined)
  t.match(said.at(-1), /has ended as far as can be told, and its containers with it/)
  t.notMatch(said.join(), '/info', 'it has said that they do')
  first.containers = [{ name: 'other', networks: { one_default: { ip: '172.20.0.2' } } }]
  await first.start()
  await until('its return', () => engine.connected)
  t.equal(engine.byAddress('172.20.0.2')?.name, 'other')
  t.equal(waits(ENDED), 0)
})

t.test('an engine that was only cut off is the same as before', async (t) => {
  const { engine, knows, waits } = follow(t)
  const first = await running(t, 'one', '172.20.0.2')
  withLiveRestore(first, false)
  engine.configure(at(first))
  await until('the first', () => knows().includes('one'))
  await first.stop()
  await until('the loss', () => !engine.connected)
  await first.start()
  await until('its return', () => engine.connected)
  t.equal(waits(ENDED), 0)
  t.same(knows(), ['one'])
})

for (const [what, livesOn, component] of [
  ['an engine with live-restore', true, 'Engine'],
  ['Podman’s service, which says that it has none', false, 'Podman Engine'],
] as const) {
  t.test(`${what}: its containers are known while it is away`, async (t) => {
    const { engine, knows, waits } = follow(t)
    const first = await running(t, 'one', '172.20.0.2')
    withLiveRestore(first, livesOn, component)
    engine.configure(at(first))
    await until('the first', () => knows().includes('one'))
    t.equal(first.asked.includes('/info'), component === 'Engine')
    await first.stop()
    await until('the loss', () => !engine.connected)
    t.equal(waits(ENDED), 0)
    t.same(knows(), ['one'])
  })
}

t.test(
  'what an engine says after it was told to read its settings anew counts, and so does that it says nothing',
  async (t) => {
    for (const [before, after] of [
      [true, false],
      [false, true],
      [true, undefined],
    ] as const) {
      await t.test(`live-restore ${before}, then ${after}`, async (t) => {
        const { engine, knows, waits } = follow(t)
        const first = await running(t, 'one', '172.20.0.2')
        withLiveRestore(first, before)
        engine.configure(at(first))
        await until('the first', () => knows().includes('one'))
        const asked = () => first.asked.filter((path) => path === '/info').length
        t.match(decodeURIComponent(first.asked.find((path) => path.startsWith('/events'))!), /"daemon".*"reload"/)
        const count = asked()
        first.emit('{"Type":"container","Action":"start"}\n')
        withLiveRestore(first, after)
        first.emit('{"Type":"daemon","Action":"reload","Actor":{"ID":"x","Attributes":{"live-restore":"?"}}}\n')
        await until('the question', () => asked() > count)
        await engine.refresh()
        t.equal(asked(), count + 1, 'for other events it is not asked')
        await first.stop()
        await until('the loss', () => !engine.connected)
        t.equal(waits(ENDED), after ? 0 : 1)
      })
    }
  },
)

t.test('an engine that is kept from saying whether its containers outlive it: the log says so, once', async (t) => {
  const { engine, said } = follow(t)
  const first = await running(t, 'one', '172.20.0.2')
  withLiveRestore(first, undefined)
  engine.configure(at(first))
  const told = () => said.map((line) => JSON.parse(line)).filter(({ msg }) => msg.includes('/info'))
  await until('a word of it', () => told().length > 0)
  t.match(told(), [{ level: 30, reason: /403.*not for you/, msg: /count as ending with it/ }])
  const asked = () => first.asked.filter((path) => path === '/info').length
  const before = asked()
  await first.stop()
  await first.start()
  await until('the next question', () => asked() > before)
  await until('its return', () => engine.connected)
  await engine.refresh()
  t.equal(told().length, 1)
})

t.test('an engine that cannot be read has not ended, until it has', async (t) => {
  const { engine, knows, waits } = follow(t)
  const first = await running(t, 'one', '172.20.0.2')
  withLiveRestore(first, false)
  engine.configure(at(first))
  await until('the first', () => knows().includes('one'))
  const { intercept } = first
  first.intercept = (path, response) => {
    if (path === '/networks') response.writeHead(500).end('{"message":"busy"}')
    return path === '/networks' || intercept!(path, response)
  }
  first.emit()
  await until('the loss', () => !engine.connected)
  t.equal(waits(ENDED), 0)
  await first.stop()
  await until('the end', () => waits(ENDED) === 1)
  t.same(knows(), ['one'])
})

t.test('the first word of an engine is waited for: that it is there, that it is away, or not for ever', async (t) => {
  const { engine, knows, waits, passes } = follow(t, [FIRST_WORD])
  await engine.answered()
  t.equal(engine.isAwaited, false, 'none is followed')
  const [first, second] = [await running(t, 'one', '172.20.0.2'), await fakeEngine(t)]
  engine.configure(at(first))
  t.equal(engine.isAwaited, true)
  await engine.answered()
  t.same(knows(), ['one'])
  t.equal(engine.isAwaited, false)
  await engine.answered()
  t.equal(waits(FIRST_WORD), 0)
  engine.configure(at(second))
  await engine.answered()
  t.equal(engine.status()?.reason, 'there is no such socket')
  t.equal(engine.isAwaited, false, 'what the one before has said holds')
  const mute = await fakeEngine(t)
  mute.intercept = () => true
  await mute.start()
  engine.configure(at(mute))
  const answered = engine.answered()
  passes(FIRST_WORD)
  await answered
  t.equal(engine.connected, false)
})
