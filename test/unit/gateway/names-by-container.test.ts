import t from 'tap'
import type { Container, ContainerView } from '../../../src/contracts/containers.ts'
import { namesByContainer } from '../../../src/gateway/names-by-container.ts'
import { Newcomers } from '../../../src/gateway/newcomers.ts'
import { createAnsweredNames } from '../../../src/passthrough/names/answered-names.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

const NETWORK = {
  ...{ id: 'n', name: 'apps', driver: 'bridge', bridged: true, internal: false },
  ...{ subnets: ['172.20.0.0/16', 'fd00:20::/64'], gateways: ['172.20.0.1'] },
}

function rig() {
  const clock = manualClock()
  const at = new Map<string, string>()
  const view: ContainerView = { networks: [NETWORK], containers: [] }
  const byAddress = (address: string) => {
    const id = at.get(address)
    return id === undefined ? undefined : ({ id } as Container)
  }
  const listeners: (() => void)[] = []
  const onChange = (listener: () => void) => {
    listeners.push(listener)
    return () => {}
  }
  const directory = { connected: true, isCurrent: true, view: () => view, byAddress, onChange, onEvent() {} }
  const newcomers = new Newcomers({ clock, directory, refresh: async () => {} })
  const names = namesByContainer(
    createAnsweredNames({ clock }),
    createAnsweredNames({ clock, maxClients: 8 }),
    newcomers,
    directory,
  )
  /** Lets promises go on, and time pass, step by step. */
  const pass = async (ms: number) => {
    for (let gone = 0; gone <= ms; gone += 10) {
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
      if (gone < ms) clock.advance(10)
    }
  }
  const changed = () => {
    for (const listener of listeners) listener()
  }
  return { at, changed, directory, names, pass }
}

t.test('asked over IPv4, connected to over IPv6', async (t) => {
  const { at, names } = rig()
  at.set('172.20.0.2', 'one').set('fd00:20::2', 'one')
  t.equal(names.remember('172.20.0.2', 'web.test', ['2001:db8::1'], 60), undefined, 'nothing to wait for')
  t.same(names.namesOf('fd00:20::2', '2001:db8::1'), ['web.test'])
})

t.test('whoever feigns addresses takes no container’s names', async (t) => {
  const { at, names } = rig()
  at.set('172.20.0.2', 'one')
  names.remember('172.20.0.2', 'web.test', ['192.0.2.1'], 60)
  for (let n = 0; n < 50; n++) await names.remember(`198.51.100.${n}`, 'web.test', ['192.0.2.1'], 60)
  t.same(names.namesOf('172.20.0.2', '192.0.2.1'), ['web.test'])
  t.same(names.namesOf('198.51.100.49', '192.0.2.1'), ['web.test'])
  t.same(names.namesOf('198.51.100.0', '192.0.2.1'), [], 'but each other’s')
})

t.test('the next container with the same address has been told nothing', async (t) => {
  const { at, names } = rig()
  at.set('172.20.0.2', 'one')
  names.remember('172.20.0.2', 'web.test', ['192.0.2.1'], 60)
  at.delete('172.20.0.2')
  t.same(names.namesOf('172.20.0.2', '192.0.2.1'), [], 'before the engine’s word of it')
  at.set('172.20.0.2', 'two')
  t.same(names.namesOf('172.20.0.2', '192.0.2.1'), [])
})

t.test(
  'who asks before the engine’s word of it is answered when that has come, and then knows the name by all its addresses',
  async (t) => {
    const { at, names, pass } = rig()
    let answered = false
    void Promise.resolve(names.remember('172.20.0.3', 'early.test', ['192.0.2.1'], 60)).then(() => {
      answered = true
    })
    await pass(300)
    t.notOk(answered)
    t.same(names.namesOf('172.20.0.3', '192.0.2.1'), [])
    at.set('172.20.0.3', 'three').set('fd00:20::3', 'three')
    await pass(100)
    t.ok(answered)
    t.same(names.namesOf('172.20.0.3', '192.0.2.1'), ['early.test'])
    t.same(names.namesOf('fd00:20::3', '192.0.2.1'), ['early.test'])
    at.set('172.20.0.3', 'four')
    t.same(names.namesOf('172.20.0.3', '192.0.2.1'), [], 'but not its successor')
  },
)

t.test('who has asked and ended before the engine’s word leaves nothing to the next with its address', async (t) => {
  const { at, changed, names, pass } = rig()
  const told = names.remember('172.20.0.4', 'early.test', ['192.0.2.1'], 60)
  await pass(2_100)
  await told
  changed()
  t.same(names.namesOf('172.20.0.4', '192.0.2.1'), [], 'the next is made')
  at.set('172.20.0.4', 'next')
  t.same(names.namesOf('172.20.0.4', '192.0.2.1'), [], 'and runs')
  at.delete('172.20.0.4')
  changed()
  t.same(names.namesOf('172.20.0.4', '192.0.2.1'), [], 'and has ended')
})

t.test(
  'a step of a build, which never is among the containers, is its address until something changes in the engine',
  async (t) => {
    const { changed, names, pass } = rig()
    const told = names.remember('172.20.0.5', 'a.test', ['192.0.2.1'], 60)
    await pass(2_100)
    await told
    t.equal(names.remember('172.20.0.5', 'b.test', ['192.0.2.2'], 60), undefined, 'not waited for again')
    t.same(names.namesOf('172.20.0.5', '192.0.2.1'), ['a.test'])
    t.same(names.namesOf('172.20.0.5', '192.0.2.2'), ['b.test'])
    changed()
    t.same(names.namesOf('172.20.0.5', '192.0.2.1'), [])
  },
)

t.test('what is asked before the engine is there is told to no container of it', async (t) => {
  const { at, changed, directory, names } = rig()
  directory.connected = false
  directory.view = () => ({ networks: [], containers: [] })
  t.equal(names.remember('172.20.0.6', 'early.test', ['192.0.2.1'], 60), undefined)
  t.same(names.namesOf('172.20.0.6', '192.0.2.1'), ['early.test'])
  directory.connected = true
  directory.view = () => ({ networks: [NETWORK], containers: [] })
  changed()
  t.same(names.namesOf('172.20.0.6', '192.0.2.1'), [])
  at.set('172.20.0.6', 'six')
  t.same(names.namesOf('172.20.0.6', '192.0.2.1'), [])
})

t.test('who is no container is its address', async (t) => {
  const { names } = rig()
  for (const client of ['10.0.0.7', '172.20.0.1', 'fd00:21::2']) {
    t.equal(names.remember(client, 'early.test', ['192.0.2.1'], 60), undefined)
    t.same(names.namesOf(client, '192.0.2.1'), ['early.test'], client)
  }
})
