import type { ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { createEngineDirectory, type EngineState } from '../../../src/engine/create-engine-directory.ts'
import { type FakeEngine, fakeEngine, idOf, VERSIONS } from '../../fixtures/fake-engine.ts'
import { until } from '../../fixtures/until.ts'

const SHOP = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' }

/** A clock whose waits are a hundred times shorter, so that back-off and rest take no time in a test; but not those after which an answer is too late. */
const hurried = {
  ...systemClock,
  after: (ms: number, task: () => void) => systemClock.after(ms < 15_000 ? ms / 100 : ms, task),
}

async function follow(t: Test, engine: FakeEngine) {
  const states: EngineState[] = []
  const directory = createEngineDirectory({
    address: engine.address,
    clock: hurried,
    onState: (state) => states.push(state),
  })
  t.teardown(() => directory.close())
  return { directory, states, names: () => directory.view().containers.map(({ name }) => name) }
}

t.test('who has a service’s name: those that compose gave it to, and nobody by labels alone', async (t) => {
  const engine = await fakeEngine(t)
  engine.networks = [
    { name: 'shop_default', subnets: ['172.20.0.0/16'] },
    { name: 'other', subnets: ['172.21.0.0/16'] },
  ]
  const aliases = ['web', '0123456789ab']
  engine.containers = [
    {
      ...{ name: 'shop_web_1', labels: { ...SHOP, 'com.docker.compose.oneoff': 'False' } },
      networks: { shop_default: { ip: '172.20.0.6', aliases } },
    },
    {
      ...{ name: 'shop_web_run_1', labels: { ...SHOP, 'com.docker.compose.oneoff': 'True' } },
      networks: { shop_default: { ip: '172.20.0.7', aliases } },
    },
    { name: 'image_says', labels: SHOP, networks: { other: { ip: '172.21.0.6', aliases: ['0123456789ac'] } } },
  ]
  await engine.start()
  const { directory } = await follow(t, engine)
  await until('a view', () => directory.connected)
  t.same(
    directory.view().containers.map(({ name, service, unnamed }) => [name, service, unnamed]),
    [
      ['shop_web_1', 'web', undefined],
      ['shop_web_run_1', 'web', true],
      ['image_says', 'web', true],
    ],
  )
})

t.test('a container is known whatever it is called, and whatever its networks are', async (t) => {
  const engine = await fakeEngine(t)
  const long = 'n'.repeat(300)
  engine.networks = [
    { name: 'apps', subnets: ['172.20.0.0/16'] },
    { name: long, subnets: ['172.21.0.0/16'] },
  ]
  engine.containers = [
    { name: 'bad.', networks: { apps: { ip: '172.20.0.6' } } },
    { name: `bad${'x'.repeat(300)}`, networks: { [long]: { ip: '172.21.0.6' } } },
  ]
  await engine.start()
  const { directory } = await follow(t, engine)
  await until('a view', () => directory.connected)
  t.equal(directory.byAddress('172.20.0.6')?.name, 'bad.')
  t.equal(directory.byAddress('172.21.0.6')?.name, `bad${'x'.repeat(300)}`)
  t.same(
    directory.view().networks.flatMap(({ subnets }) => subnets),
    ['172.20.0.0/16', '172.21.0.0/16'],
  )
})

t.test('an image’s labels push out neither compose’s nor what is known of others', async (t) => {
  const engine = await fakeEngine(t)
  engine.networks = [{ name: 'apps', subnets: ['172.20.0.0/16'] }]
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, place) => [`a${place}`, 'x'.repeat(20)]))
  const much = Object.fromEntries(Array.from({ length: 80 }, (_, place) => [`a${place}`, 'x'.repeat(60_000)]))
  const full = Object.fromEntries(Array.from({ length: 1000 }, (_, place) => [`a${place}`, 'x'.repeat(4000)]))
  const mine = { ...SHOP, egress: 'no' }
  engine.containers = [
    { name: 'many', labels: { ...many, ...mine }, networks: { apps: { ip: '172.20.0.6' } } },
    { name: 'full', labels: { ...full, ...mine }, networks: { apps: { ip: '172.20.0.7' } } },
    // More than 32 MiB of text together.
    ...Array.from({ length: 9 }, (_, place) => ({ name: `much${place}`, labels: { ...much, ...mine } })),
    { name: 'bad9', networks: { apps: { ip: '172.20.0.9' } } },
  ]
  await engine.start()
  const { directory, states } = await follow(t, engine)
  await until('a view', () => directory.connected || states.length > 0, 20_000)
  t.match(states, [{ connected: true }])
  t.equal(directory.byAddress('172.20.0.9')?.name, 'bad9')
  for (const container of directory.view().containers.slice(0, -1)) {
    t.match(container, { project: 'shop', service: 'web' }, container.name)
  }
  const [manyOf, fullOf, muchOf] = directory.view().containers
  t.match(manyOf, { labels: { egress: 'no' }, unreadLabels: undefined })
  t.equal(fullOf?.unreadLabels, 'any')
  t.match(muchOf, { labels: { egress: 'no' } })
  t.equal(muchOf?.unreadLabels?.length, 80)

  engine.emit(`${JSON.stringify({ Type: 'container', Actor: { Attributes: much } })}\n`)
  engine.containers = [{ name: 'new', networks: { apps: { ip: '172.20.0.10' } } }]
  engine.emit(`${JSON.stringify({ Type: 'container', Actor: { Attributes: much } })}\n`)
  await until('the new one', () => directory.byAddress('172.20.0.10') !== undefined)
  t.same(states.length, 1, 'an event of 5 MB is no end of the stream')
})

t.test('what an engine has, as the directory gives it', async (t) => {
  const engine = await fakeEngine(t)
  engine.networks = [
    { name: 'shop_default', subnets: ['172.20.0.0/16', 'fd00:20::/64'], gateways: ['172.20.0.1', 'fd00:20:0::1'] },
    {
      name: 'hidden',
      subnets: ['172.21.0.0/16'],
      internal: true,
      options: {
        'com.docker.network.bridge.enable_icc': 'false',
        'com.docker.network.bridge.default_bridge': 'true',
      },
    },
  ]
  engine.containers = [
    {
      name: 'shop_web_1',
      image: 'nginx:alpine',
      labels: SHOP,
      networks: {
        shop_default: { ip: '172.20.0.5', ip6: 'FD00:20::0005', aliases: ['web', 'bad name!', '0123456789ab'] },
        hidden: { ip: '172.21.0.5' },
      },
    },
    { name: 'shop_db_1', state: 'exited', labels: { ...SHOP, 'com.docker.compose.service': 'db' } },
  ]
  await engine.start()
  const { directory, states } = await follow(t, engine)
  await until('a view', () => directory.connected)
  t.match(states, [{ connected: true, engine: '20.10.24', containers: 1, networks: 2 }])
  t.strictSame(directory.view().networks, [
    {
      id: idOf('shop_default'),
      name: 'shop_default',
      driver: 'bridge',
      bridged: true,
      internal: false,
      bridge: `br-${idOf('shop_default').slice(0, 12)}`,
      subnets: ['172.20.0.0/16', 'fd00:20::/64'],
      gateways: ['172.20.0.1', 'fd00:20::1'],
    },
    {
      id: idOf('hidden'),
      name: 'hidden',
      driver: 'bridge',
      bridged: true,
      internal: true,
      nameless: true,
      parted: true,
      bridge: `br-${idOf('hidden').slice(0, 12)}`,
      subnets: ['172.21.0.0/16'],
      gateways: [],
    },
  ])
  t.same(directory.view().containers, [
    {
      id: idOf('shop_web_1'),
      name: 'shop_web_1',
      image: 'nginx:alpine',
      labels: SHOP,
      project: 'shop',
      service: 'web',
      endpoints: [
        {
          network: 'shop_default',
          networkId: idOf('shop_default'),
          addresses: ['172.20.0.5', 'fd00:20::5'],
          aliases: ['web', '0123456789ab'],
        },
        { network: 'hidden', networkId: idOf('hidden'), addresses: ['172.21.0.5'], aliases: [] },
      ],
    },
  ])
  t.same(directory.view().stopped, [{ name: 'shop_db_1', project: 'shop', service: 'db' }])
  t.equal(directory.byAddress('fd00:20::5')?.name, 'shop_web_1')
  t.equal(directory.byAddress('172.20.0.1'), undefined)
  t.ok(engine.asked.every((path) => !path.includes('undefined')))
})

t.test('changes are followed, and a burst of events is read once', async (t) => {
  const engine = await fakeEngine(t)
  await engine.start()
  const { directory, names } = await follow(t, engine)
  await until('a view', () => directory.connected)
  let changes = 0
  const stop = directory.onChange(() => changes++)
  const before = engine.asked.length
  engine.containers = [{ name: 'one', networks: { net: { ip: '172.20.0.2' } } }]
  for (let count = 0; count < 500; count++) engine.emit()
  await until('the container', () => names().includes('one'))
  t.equal(changes, 1)
  t.ok(engine.asked.length - before < 12, `${engine.asked.length - before} questions for 500 events`)

  engine.emit()
  await directory.refresh()
  t.equal(changes, 1, 'nothing changed, nobody is told')
  engine.containers = [{ name: 'renamed', id: idOf('one'), networks: { net: { ip: '172.20.0.2' } } }]
  await directory.refresh()
  t.same(names(), ['renamed'], 'a refresh sees what happened before it')
  const inspected = () => engine.asked.filter((path) => /\/containers\/\w{64}\/json/.test(path)).length
  const count = inspected()
  await directory.refresh()
  t.equal(inspected(), count, 'aliases are asked for once')
  engine.containers = [{ name: 'renamed', id: idOf('one'), networks: { net: { ip: '172.20.0.9' } } }]
  await directory.refresh()
  t.equal(inspected(), count + 1, 'and anew when it is connected anew')
  t.equal(directory.byAddress('172.20.0.2'), undefined)
  t.equal(directory.byAddress('172.20.0.9')?.name, 'renamed')
  stop()
})

t.test('a new network is known before all containers have been read again', async (t) => {
  const engine = await fakeEngine(t)
  engine.networks = [{ name: 'one', subnets: ['172.20.0.0/16'] }]
  engine.containers = [{ name: 'first', networks: { one: { ip: '172.20.0.2' } } }]
  await engine.start()
  const { directory, names } = await follow(t, engine)
  await until('a view', () => directory.connected)
  const held: ServerResponse[] = []
  engine.intercept = (path, response) => path.startsWith('/containers/json') && held.push(response) > 0
  engine.networks = [{ name: 'two', subnets: ['172.21.0.0/16'] }]
  engine.emit()
  await until('it', () => directory.view().networks.length === 2)
  t.match(directory.view().networks[1], { name: 'two', subnets: ['172.21.0.0/16'], unread: true })
  t.same(names(), ['first'], 'and who was known is')
  engine.intercept = undefined
  engine.containers = []
  for (const response of held) response.end('[]')
  await until('the rest', () => names().length === 0)
  t.match(directory.view().networks, [{ name: 'two', unread: undefined }])
})

t.test('an image is what it was asked for, whatever its name leads to now', async (t) => {
  const engine = await fakeEngine(t)
  engine.containers = [{ name: 'web', image: 'shop/web', networks: { net: { ip: '172.20.0.2' } } }]
  await engine.start()
  const { directory } = await follow(t, engine)
  await until('a view', () => directory.connected)
  const images = async () => {
    await directory.refresh()
    return directory.view().containers.map(({ image, untoldImage }) => [image, untoldImage ?? false])
  }
  t.same(await images(), [['shop/web', false]])
  const [web] = engine.containers
  const listedImage = `sha256:${idOf('old image')}`
  engine.containers = [{ ...web!, listedImage }]
  t.same(await images(), [['shop/web', false]], 'after the next build')

  engine.intercept = (path, response) => {
    const isInspect = /\/containers\/\w{64}\/json/.test(path)
    if (isInspect) response.writeHead(500).end('{"message":"busy"}')
    return isInspect
  }
  engine.containers = [{ ...web!, listedImage, networks: { net: { ip: '172.20.0.3' } } }]
  t.same(await images(), [['shop/web', false]], 'also where the engine does not say it again')
  engine.containers = [{ ...web!, id: idOf('newer'), listedImage }]
  t.same(await images(), [[listedImage, true]], 'what was never told is not taken for the truth')
  engine.intercept = undefined
  t.same(await images(), [['shop/web', false]])
})

t.test('a container that is renamed has its new names, and the old ones no longer', async (t) => {
  const engine = await fakeEngine(t)
  const at = (name: string) => ({ name, id: idOf('blue'), networks: { net: { ip: '172.20.0.2', aliases: [name] } } })
  engine.containers = [at('web')]
  await engine.start()
  const { directory } = await follow(t, engine)
  await until('a view', () => directory.connected)
  // As engines from 25.0 on have it: a container's own name is among its names.
  engine.containers = [at('web-old')]
  await directory.refresh()
  t.same(
    directory.view().containers.map(({ endpoints }) => endpoints[0]?.aliases),
    [['web-old']],
  )
})

t.test('an engine that is away at first, comes, restarts and goes', async (t) => {
  const engine = await fakeEngine(t)
  const { directory, states, names } = await follow(t, engine)
  await until('word of it', () => states.length > 0)
  t.same(directory.view(), { networks: [], containers: [], stopped: [] })
  t.match(states, [{ connected: false, reason: /no such socket/, isMissing: true }])
  engine.containers = [{ name: 'first' }]
  await engine.start()
  await until('the engine', () => directory.connected)
  t.same(names(), ['first'])
  t.equal(states.length, 2, 'several vain tries are told once')

  await engine.stop()
  await until('the loss', () => !directory.connected)
  t.same(names(), ['first'], 'the last view stays')
  await directory.refresh()
  t.pass('a refresh without an engine does not wait')
  engine.containers = [{ name: 'second' }]
  await engine.start()
  await until('the second life', () => names().includes('second'))
  t.same(
    states.map(({ connected }) => connected),
    [false, true, false, true],
  )
  directory.close()
  await until('the end of the events', () => engine.followers === 0)
})

t.test('an address that two containers have identifies neither', async (t) => {
  const engine = await fakeEngine(t)
  engine.containers = [
    { name: 'a', networks: { lan1: { ip: '10.0.0.9' } } },
    { name: 'b', networks: { lan2: { ip: '10.0.0.9' } } },
  ]
  await engine.start()
  const { directory } = await follow(t, engine)
  await until('a view', () => directory.connected)
  t.equal(directory.byAddress('10.0.0.9'), undefined)
})

t.test('the version spoken', async (t) => {
  const table: [versions: object, said: string | undefined][] = [
    [{ Version: '20.10', ApiVersion: '1.41', MinAPIVersion: '1.12' }, 'v1.41'],
    [{ Version: '29.0', ApiVersion: '1.52', MinAPIVersion: '1.44' }, 'v1.44'],
    [{ Version: '99', ApiVersion: '1.99', MinAPIVersion: '1.60' }, 'v1.60'],
    [{ Version: 'podman', ApiVersion: '1.41' }, 'v1.41'],
    [{ Version: 'old', ApiVersion: '1.12' }, undefined],
    [{ Version: 'odd', ApiVersion: '../../x' }, undefined],
    [{ hello: 'world' }, undefined],
  ]
  for (const [versions, said] of table) {
    const engine = await fakeEngine(t)
    engine.versions = versions
    let spoken: string | undefined
    engine.intercept = (path) => {
      if (path === '/networks') spoken = 'asked'
      return false
    }
    await engine.start()
    const { directory, states } = await follow(t, engine)
    await until('an outcome', () => states.length > 0)
    t.equal(directory.connected, said !== undefined, JSON.stringify(versions))
    t.equal(spoken !== undefined, said !== undefined)
    if (!said) t.match(states[0], { reason: /no Docker engine|older than/ })
    directory.close()
  }
})

t.test(
  'Podman does not tell its bridges’ names, has networks’ names in the place of ids, and knows fewer states',
  async (t) => {
    const engine = await fakeEngine(t)
    engine.versions = { ...VERSIONS, Components: [{ Name: 'Podman Engine' }, { Name: 'Conmon' }] }
    engine.networks = [
      { name: 'bridge', subnets: ['10.88.0.0/16'], gateways: ['10.88.0.1'] },
      { name: 'shop_default', subnets: ['10.89.0.0/24'], bridge: 'shop0' },
    ]
    const [id, other] = [idOf('web'), idOf('late')]
    const networks = {
      podman: { NetworkID: 'podman', EndpointID: '', IPAddress: '10.88.0.2', Aliases: ['0123456789ab'] },
      shop_default: { NetworkID: 'shop_default', EndpointID: '', IPAddress: '10.89.0.2', Aliases: ['web'] },
    }
    const web = {
      Id: id,
      Names: ['/web'],
      Image: 'box',
      State: 'running',
      Labels: {},
      NetworkSettings: { Networks: networks },
    }
    const late = { ...web, Id: other, Names: ['/late'], NetworkSettings: { Networks: { gone: { NetworkID: 'gone' } } } }
    engine.containers = [{ name: 'ended', state: 'exited' }]
    engine.intercept = (path, response) => {
      const isRefused = /filters=.*(restarting|dead)/.test(path)
      if (isRefused) response.writeHead(500).end('{"message":"unknown container state"}')
      else if (path === '/containers/json') response.end(JSON.stringify([web, late]))
      else if (path === `/containers/${id}/json`) response.end(JSON.stringify(web))
      return response.writableEnded
    }
    await engine.start()
    const { directory } = await follow(t, engine)
    await until('a view', () => directory.connected)
    t.same(
      directory.view().networks.map(({ name, bridge }) => [name, bridge]),
      [
        ['bridge', undefined],
        ['shop_default', 'shop0'],
      ],
    )
    t.same(
      directory
        .view()
        .containers.map(({ endpoints }) => endpoints.map(({ networkId, aliases }) => [networkId, ...aliases])),
      [
        [
          [idOf('bridge'), '0123456789ab'],
          [idOf('shop_default'), 'web'],
        ],
        [['gone']],
      ],
    )
    t.same(directory.view().stopped, [{ name: 'ended' }])
  },
)

t.test('a container that is between two starts, or goes', async (t) => {
  const engine = await fakeEngine(t)
  engine.containers = [
    { name: 'loops', state: 'restarting', labels: { ...SHOP, 'com.docker.compose.service': 'web' } },
    { name: 'goes', state: 'removing' },
    { name: 'dead', state: 'dead' },
  ]
  await engine.start()
  const { directory } = await follow(t, engine)
  await until('a view', () => directory.connected)
  t.same(directory.view().containers, [])
  t.same(directory.view().stopped, [
    { name: 'loops', project: 'shop', service: 'web', state: 'restarting' },
    { name: 'goes', state: 'removing' },
    { name: 'dead' },
  ])
})

t.test('containers of an overlay network are known by the address they go out by', async (t) => {
  const engine = await fakeEngine(t)
  const outward = { name: 'docker_gwbridge', subnets: ['172.18.0.0/16', 'fd18::/64'] }
  engine.networks = [
    { name: 'swarm', subnets: ['10.0.1.0/24'], driver: 'overlay' },
    {
      ...outward,
      inside: {
        [idOf('task')]: { ip: '172.18.0.3', ip6: 'fd18::3' },
        'ingress-sbox': { ip: '172.18.0.2' },
        [idOf('gone')]: { ip: '172.18.0.4' },
        [idOf('both')]: { ip: '172.18.0.5' },
        [`ep-${idOf('x')}`]: { ip: '172.18.0.6' },
      },
    },
  ]
  engine.containers = [
    { name: 'task', networks: { swarm: { ip: '10.0.1.3' } } },
    { name: 'both', networks: { docker_gwbridge: { ip: '172.18.0.5' } } },
  ]
  await engine.start()
  const { directory } = await follow(t, engine)
  await until('a view', () => directory.connected)
  for (const address of ['10.0.1.3', '172.18.0.3', 'fd18::3']) t.equal(directory.byAddress(address)?.name, 'task')
  for (const address of ['172.18.0.2', '172.18.0.4', '172.18.0.6']) t.equal(directory.byAddress(address), undefined)
  t.match(directory.view().containers, [
    { name: 'task', outward: ['172.18.0.3', 'fd18::3'], endpoints: [{ addresses: ['10.0.1.3'] }] },
    { name: 'both', outward: undefined },
  ])
  t.notOk(directory.view().networks.some(({ untold }) => untold))

  let refused = 0
  engine.intercept = (path, response) => {
    if (!path.startsWith('/networks/')) return false
    refused += 1
    response.writeHead(500).end('{"message":"no"}')
    return true
  }
  engine.containers.push({ name: 'late', networks: { swarm: { ip: '10.0.1.4' } } })
  engine.emit()
  await until('a view without a word of it', () => directory.byAddress('10.0.1.4') !== undefined)
  t.ok(refused > 0)
  t.ok(directory.connected)
  t.equal(directory.byAddress('172.18.0.3')?.name, 'task', 'what it has said holds')
  t.notOk(
    directory.view().networks.some(({ untold }) => untold),
    'and who is not known there may be anybody',
  )

  const another = await follow(t, engine)
  await until('a first view', () => another.directory.connected)
  t.equal(another.directory.byAddress('172.18.0.3'), undefined)
  t.match(another.directory.view().networks, [{ untold: undefined }, { name: 'docker_gwbridge', untold: true }])
})

t.test(
  'who loses an address has it no longer from the event on, and not by a reading that began before it',
  async (t) => {
    const engine = await fakeEngine(t)
    engine.networks = [
      { name: 'one', subnets: ['172.20.0.0/16'] },
      { name: 'two', subnets: ['172.21.0.0/16'] },
    ]
    const all = [
      { name: 'a', networks: { one: { ip: '172.20.0.2' }, two: { ip: '172.21.0.2' } } },
      { name: 'b', networks: { one: { ip: '172.20.0.3' } } },
    ]
    engine.containers = all
    await engine.start()
    const held: ServerResponse[] = []
    const at: (string | undefined)[][] = []
    const addresses = ['172.20.0.2', '172.21.0.2', '172.20.0.3']
    const whose = () => addresses.map((address) => directory.byAddress(address)?.name)
    const directory = createEngineDirectory({
      address: engine.address,
      clock: hurried,
      onEvent: () => at.push(whose()),
      onState() {},
    })
    t.teardown(() => directory.close())
    await until('a view', () => directory.connected)
    t.same(whose(), ['a', 'a', 'b'])
    await directory.refresh()

    const die = (id: string) => ({
      Type: 'container',
      Action: 'die',
      Actor: { ID: id, Attributes: { container: idOf('b') } },
    })
    const disconnect = (id: string, container?: string) => ({
      ...{ Type: 'network', Action: 'disconnect' },
      Actor: { ID: id, Attributes: { container, name: 'x', type: 'bridge' } },
    })
    // Podman's: of the container, and with the network's name.
    const leaves = (id: string, network: string) => ({
      ...{ Type: 'network', Action: 'disconnect' },
      Actor: { ID: id, Attributes: { network, name: '', image: '', podId: '' } },
    })
    for (const [what, event, left] of [
      ['a start', { Type: 'container', Action: 'start', Actor: { ID: idOf('a') } }, ['a', 'a', 'b']],
      ['an end, whatever its labels say', die(idOf('a')), [undefined, undefined, 'b']],
      ['a network less', disconnect(idOf('one'), idOf('a')), [undefined, 'a', 'b']],
      ['a network that is called otherwise', disconnect('one', idOf('a')), [undefined, undefined, 'b']],
      ['a network less for nobody knows whom', disconnect(idOf('one')), [undefined, 'a', undefined]],
      ['a network less with Podman', leaves(idOf('a'), 'one'), [undefined, 'a', 'b']],
      ['one that is not known, with Podman', leaves(idOf('a'), 'three'), [undefined, undefined, 'b']],
      ['somebody who is not known, with Podman', leaves(idOf('c'), 'one'), [undefined, 'a', undefined]],
      ['what cannot be read', 'boom', [undefined, undefined, undefined]],
    ] as const) {
      await t.test(what, async (t) => {
        engine.intercept = (path, response) => path.startsWith('/containers/json?all=1') && held.push(response) > 0
        const read = directory.refresh()
        await until('a reading', () => held.length === 1)
        at.length = 0
        engine.emit(`${JSON.stringify(event)}\n`)
        await until('the event', () => at.length > 0)
        t.same(at, [left])
        const before = directory.view()
        engine.intercept = undefined
        for (const response of held.splice(0)) response.end('[]')
        await read
        t.same(whose(), left, 'by a reading that began before')
        await directory.refresh()
        t.same(whose(), ['a', 'a', 'b'], 'what has been read since')
        t.equal(
          directory.view() === before,
          left.every((name) => name !== undefined),
          'a change, where somebody was lost',
        )
      })
    }
  },
)

t.test('whoever waits for a reading that comes to nothing finds the engine away', async (t) => {
  const engine = await fakeEngine(t)
  await engine.start()
  const { directory } = await follow(t, engine)
  await until('a view', () => directory.connected)
  await directory.refresh()
  engine.intercept = (path, response) => path !== '/version' && !!response.writeHead(500).end('{"message":"busy"}')
  await directory.refresh()
  t.equal(directory.connected, false)
})

t.test('all who have an address: containers of a pod have one network, and one of them may lose it', async (t) => {
  const engine = await fakeEngine(t)
  engine.networks = [{ name: 'one', subnets: ['172.20.0.0/16'] }]
  engine.containers = ['infra', 'member'].map((name) => ({ name, networks: { one: { ip: '172.20.0.2' } } }))
  await engine.start()
  const { directory } = await follow(t, engine)
  await until('a view', () => directory.connected)
  const all = () => directory.allAt('172.20.0.2').map(({ name }) => name)
  t.equal(directory.byAddress('172.20.0.2'), undefined)
  t.same(all().sort(), ['infra', 'member'])
  t.same(directory.allAt('172.20.0.3'), [])
  const held: ServerResponse[] = []
  engine.intercept = (path, response) => path.startsWith('/containers/json?all=1') && held.push(response) > 0
  engine.emit(`${JSON.stringify({ Type: 'container', Action: 'die', Actor: { ID: idOf('member') } })}\n`)
  await until('the event', () => all().length === 1)
  t.same(all(), ['infra'])
  engine.intercept = undefined
  for (const response of held.splice(0)) response.end('[]')
})
