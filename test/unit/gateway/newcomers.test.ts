import t from 'tap'
import type { Container, ContainerView } from '../../../src/contracts/containers.ts'
import type { RouteQuery } from '../../../src/contracts/route.ts'
import { Newcomers } from '../../../src/gateway/newcomers.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

const NETWORK = {
  ...{ id: 'n', name: 'apps', driver: 'bridge', bridged: true, internal: false },
  ...{ subnets: ['172.20.0.0/16', 'fd00:20::/64'], gateways: ['172.20.0.1'] },
}
/** A macvlan's block is that of the LAN. */
const LAN = {
  ...NETWORK,
  id: 'm',
  name: 'lan',
  driver: 'macvlan',
  bridged: false,
  subnets: ['192.168.1.0/24'],
  gateways: [],
}
/** The engine has not said who is in it. */
const UNTOLD = { ...NETWORK, id: 'u', name: 'docker_gwbridge', subnets: ['172.18.0.0/16'], untold: true } as const
/** New: who is in it has not been read. */
const UNREAD = {
  ...NETWORK,
  id: 'r',
  name: 'new',
  subnets: ['172.21.0.0/16'],
  gateways: ['172.21.0.1'],
  unread: true,
} as const
const HOST = ['192.168.1.5', '172.20.0.200']
const BOX = { id: 'b', name: 'box', image: 'box', labels: {}, endpoints: [] } as unknown as Container

function setUp({
  matters = true as boolean | 'to a.test',
  networks = [NETWORK, LAN, UNTOLD] as ContainerView['networks'],
} = {}) {
  const clock = manualClock()
  const known = new Map<string, Container>()
  let refreshes = 0
  const listeners = new Set<() => void>()
  const changed = () => {
    for (const listener of listeners) listener()
  }
  let refresh = async () => {
    refreshes += 1
  }
  let happened = () => {}
  const view: ContainerView = { networks, containers: [] }
  const directory = {
    connected: true,
    isCurrent: true,
    view: () => view,
    byAddress: (address: string) => known.get(address),
    onChange: (listener: () => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    onEvent: (listener: () => void) => {
      happened = listener
    },
  }
  const newcomers = new Newcomers({
    clock,
    directory,
    matters: (query) => matters === true || (matters !== false && query?.target.host === 'a.test'),
    refresh: () => refresh(),
    seeksNewcomer: (query) => query.target.host === 'new',
    hostAddresses: () => HOST,
  })
  const from = (address: string): RouteQuery => ({
    target: { host: 'a.test', family: 0, port: 80 },
    scheme: 'http',
    scope: 'containers',
    client: { address, port: 4000, local: false },
  })
  /** Lets promises go on, and time pass, step by step. */
  const pass = async (ms: number) => {
    for (let gone = 0; gone < ms; gone += 10) {
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
      clock.advance(10)
    }
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
  }
  return {
    clock,
    known,
    directory,
    newcomers,
    from,
    pass,
    refreshes: () => refreshes,
    changed,
    setRefresh: (other: () => Promise<void>) => {
      refresh = other
    },
    happened: () => happened(),
  }
}

t.test('who is known, or cannot become known, is not waited for', (t) => {
  const { known, newcomers, from, refreshes } = setUp()
  known.set('172.20.0.9', BOX)
  t.match(newcomers.identified(from('172.20.0.9')), { client: { container: { name: 'box' } } })
  for (const address of ['10.0.0.1', '172.20.0.1', '127.0.0.1', 'fd00:21::1']) {
    const flow = from(address)
    t.equal(newcomers.identified(flow), flow, address)
  }
  t.equal(refreshes(), 0)
  const without = setUp({ matters: false })
  without.directory.connected = false
  const flow = from('172.20.0.2')
  t.equal(without.newcomers.identified(flow), flow, 'without an engine')
  t.equal(without.refreshes(), 0)
  t.end()
})

t.test('where only this flow hangs on who it is, this one waits, as long as the engine is there', async (t) => {
  const { known, directory, newcomers, from, pass, refreshes } = setUp({ matters: 'to a.test' })
  const done: string[] = []
  const other = { ...from('172.20.0.2'), target: { host: 'b.test', family: 0 as const, port: 80 } }
  const asked = [from('172.20.0.2'), other].map(async (flow) => {
    const { target, client } = await newcomers.identified(flow)
    done.push(`${target.host} ${client.container?.name}`)
  })
  await pass(400)
  t.same(done, ['b.test undefined'])
  known.set('172.20.0.2', BOX)
  await pass(100)
  await Promise.all(asked)
  t.same(done, ['b.test undefined', 'a.test box'])
  known.clear()
  directory.connected = false
  const before = refreshes()
  const flow = from('172.20.0.3')
  t.equal(newcomers.identified(flow), flow)
  t.equal(refreshes(), before)
})

t.test('of whom it is certain that no container is meant', async (t) => {
  const { known, directory, newcomers, from, pass, setRefresh } = setUp()
  const at = '172.20.0.2'
  const asked = async () => {
    const flow = newcomers.identified(from(at))
    await pass(2_100)
    await flow
    return newcomers.isUncertain(at)
  }
  t.equal(await asked(), false, 'the engine was asked, and knows nobody')
  t.equal(newcomers.isUncertain('10.0.0.1'), false, 'in none of its networks')

  directory.connected = false
  t.equal(newcomers.isUncertain(at), true, 'the engine is away')
  t.equal(newcomers.isUncertain('192.168.1.50'), false, 'most machines of a LAN are no containers')
  t.equal(newcomers.isUncertain('172.18.0.3'), false, 'as it would be with the engine there')
  t.equal(newcomers.isUncertain('172.20.0.1'), false, 'the host itself')
  t.equal(await asked(), true, 'and stays away')
  known.set(at, BOX)
  t.equal(newcomers.isUncertain(at), false, 'what was known last holds')
  known.clear()
  directory.connected = true

  let answer = () => {}
  setRefresh(
    () =>
      new Promise((resolve) => {
        answer = resolve
      }),
  )
  directory.isCurrent = false
  const slow = '172.20.0.9'
  const flow = newcomers.identified(from(slow))
  await pass(2_100)
  await flow
  t.equal(newcomers.isUncertain(slow), true, 'it has not answered in time')
  directory.isCurrent = true
  answer()
  await pass(10)
  directory.isCurrent = false
  t.equal(newcomers.isUncertain(slow), false, 'what it says later counts for the next')
})

t.test('nobody counts as no container in a network whose containers have not been read', async (t) => {
  const { known, directory, newcomers, from, pass } = setUp({ networks: [NETWORK, UNREAD] })
  const at = '172.21.0.2'
  const flow = newcomers.identified(from(at))
  t.type(flow, Promise, 'waited for')
  await pass(2_100)
  await flow
  t.equal(newcomers.isUncertain(at), true, 'whatever has been read besides, and though nothing has been told since')
  t.equal(newcomers.isUncertain('172.21.0.1'), false, 'the host itself')
  t.equal(newcomers.ownerOf(at), newcomers.ownerOf('172.21.0.3'), 'anybody there can feign addresses')
  t.match(newcomers.owned.subnets, [NETWORK.subnets[0], NETWORK.subnets[1], UNREAD.subnets[0]])
  directory.connected = false
  t.equal(newcomers.isUncertain(at), true, 'the engine is away')
  known.set(at, BOX)
  t.equal(newcomers.isUncertain(at), false)
})

t.test('more than can be looked for: nobody counts as no container while something has happened', async (t) => {
  const { newcomers, directory, from, pass } = setUp()
  for (let place = 0; place < 2_000; place += 1) {
    const address = `172.20.${place >> 8}.${place & 255 || 7}`
    void newcomers.identified(from(address))
  }
  const flow = newcomers.identified(from('172.20.99.9'))
  await pass(2_100)
  t.notOk((await flow).client.container)
  t.equal(newcomers.isUncertain('172.20.99.9'), false, 'the engine has told of all')
  directory.isCurrent = false
  t.equal(newcomers.isUncertain('172.20.99.9'), true)
})

t.test('an engine that starts anew is waited for where rules ask who it is', async (t) => {
  const { known, directory, newcomers, from, pass } = setUp()
  directory.connected = false
  let done: RouteQuery | undefined
  void Promise.resolve(newcomers.identified(from('172.20.0.2'))).then((flow) => {
    done = flow
  })
  await pass(500)
  t.equal(done, undefined)
  directory.connected = true
  known.set('172.20.0.2', BOX)
  await pass(100)
  t.match(done, { client: { container: { name: 'box' } } })
})

t.test('a container that has just started is waited for', async (t) => {
  const { known, newcomers, from, pass } = setUp()
  for (const address of ['172.20.0.2', 'fd00:20::2']) {
    let done: RouteQuery | undefined
    void Promise.resolve(newcomers.identified(from(address))).then((flow) => {
      done = flow
    })
    await pass(300)
    t.equal(done, undefined, 'the engine has no word of it yet')
    known.set(address, BOX)
    await pass(100)
    t.match(done, { client: { address, container: { name: 'box' } } })
  }
})

t.test('in whose name an address takes its places', (t) => {
  const { known, newcomers } = setUp()
  known.set('172.20.0.2', BOX)
  t.equal(newcomers.ownerOf('172.20.0.2'), BOX.id)
  t.equal(newcomers.ownerOf('172.20.0.77'), newcomers.ownerOf('172.20.0.78'), 'addresses that anybody there can feign')
  t.equal(newcomers.ownerOf('198.51.100.7'), '198.51.100.7')
  const { subnets, gateways } = NETWORK
  t.same(newcomers.owned, { known: [], subnets, gateways: [...gateways, ...HOST] }, 'for threads: what the view shows')
  t.equal(newcomers.owned, newcomers.owned, 'made once, for however many threads')
  t.equal(newcomers.ownerOf('172.18.0.3'), '172.18.0.3')
  t.equal(
    newcomers.ownerOf('192.168.1.50'),
    '192.168.1.50',
    'a machine of the LAN, where containers have addresses too',
  )
  t.equal(
    newcomers.ownerOf('172.20.0.200'),
    '172.20.0.200',
    'this host, in a network whose gateway the engine does not tell',
  )
  t.end()
})

t.test('whether what was decided for a client still holds', (t) => {
  for (const matters of [true, 'to a.test', false] as const) {
    const { known, newcomers, from } = setUp({ matters })
    const at = '172.20.0.2'
    const of = (container?: Container, address: string | undefined = at): RouteQuery => {
      const { client, ...query } = from('')
      return {
        ...query,
        client: { local: false, ...(address ? { address } : {}), ...(container ? { container } : {}) },
      }
    }
    const next = { ...BOX, id: 'c' }
    t.equal(newcomers.isStill(of()), true, 'nobody, as before')
    t.equal(newcomers.isStill(of(), 'refused'), true)
    t.equal(newcomers.isStill(of(BOX)), false, 'has ended')
    known.set(at, BOX)
    t.equal(newcomers.isStill(of({ ...BOX, name: 'renamed' })), true)
    t.equal(newcomers.isStill(of(next)), false)
    t.equal(newcomers.isStill(of()), !matters, 'known only since')
    t.equal(newcomers.isStill(of(), 'refused'), false, 'and may be let in where nobody was')
    t.equal(newcomers.isStill(of(undefined, '')), true)
  }
  t.end()
})

t.test('whom a known container asks for may have started a moment ago', async (t) => {
  const { known, directory, newcomers, from, refreshes } = setUp()
  known.set('172.20.0.2', BOX)
  const query = { ...from('172.20.0.2'), target: { host: 'new', family: 0, port: 80 } } as const
  t.notOk(newcomers.identified(query) instanceof Promise, 'nothing has happened in the engine')
  directory.isCurrent = false
  t.notOk(newcomers.identified(from('172.20.0.2')) instanceof Promise, 'not a name that may be one')
  const waiting = newcomers.identified(query)
  t.ok(waiting instanceof Promise)
  t.match(await waiting, { client: { container: { name: 'box' } } })
  t.equal(refreshes(), 1)
})

t.test('an address that stays strange costs one wait, for all its flows, and no more for a minute', async (t) => {
  const { clock, newcomers, from, pass, refreshes } = setUp()
  const flow = from('172.20.0.3')
  let ended = 0
  for (let count = 0; count < 3; count += 1)
    void Promise.resolve(newcomers.identified(flow)).then((found) => {
      ended += found === flow ? 1 : 0
    })
  await pass(2_100)
  t.equal(ended, 3)
  const asked = refreshes()
  t.ok(asked > 2 && asked <= 41, `${asked} looks`)
  t.equal(newcomers.identified(flow), flow, 'not again')
  t.equal(clock.pending, 0)
  await pass(59_000)
  t.equal(newcomers.identified(flow), flow, 'not yet')
  await pass(1_100)
  t.type(newcomers.identified(flow), Promise, 'but later')
})

t.test(
  'a change in the engine makes an address worth waiting for again: its next container may be about to start',
  async (t) => {
    const { newcomers, from, pass, changed, happened } = setUp()
    const flow = from('172.20.0.3')
    t.type(newcomers.identified(flow), Promise)
    await pass(2_100)
    t.equal(newcomers.identified(flow), flow, 'strange')
    changed()
    t.type(newcomers.identified(flow), Promise)
    await pass(2_100)
    happened()
    t.type(newcomers.identified(flow), Promise, 'an event that no reading has shown yet')
  },
)

t.test('an engine that goes away, or has nothing more to say, holds nobody up for longer than that', async (t) => {
  const { directory, newcomers, from, pass } = setUp()
  let done = false
  void Promise.resolve(newcomers.identified(from('172.20.0.4'))).then(() => {
    done = true
  })
  await pass(100)
  directory.connected = false
  await pass(2_100)
  t.ok(done)
})

t.test('so many addresses are looked for, and others wait for what is found meanwhile', async (t) => {
  const { newcomers, from, known, changed, pass } = setUp()
  for (let number = 0; number < 1_024; number += 1) {
    void newcomers.identified(from(`172.20.${1 + (number >> 8)}.${number & 255}`))
  }
  let box: RouteQuery | undefined
  let strange: RouteQuery | undefined
  void Promise.resolve(newcomers.identified(from('172.20.9.9'))).then((found) => {
    box = found
  })
  void Promise.resolve(newcomers.identified(from('172.20.9.10'))).then((found) => {
    strange = found
  })
  await pass(500)
  t.same([box, strange], [undefined, undefined], 'nobody goes on as nobody’s')
  known.set('172.20.9.9', BOX)
  changed()
  await pass(10)
  t.match(box, { client: { container: { name: 'box' } } })
  t.equal(strange, undefined)
  await pass(2_000)
  t.match(strange, { client: { container: undefined } }, 'as long as any other')
})
