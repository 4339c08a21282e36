import t from 'tap'
import type { Container, ContainerView } from '../../../src/contracts/containers.ts'
import { findContainers, knownNames } from '../../../src/services/reverse/find-containers.ts'

const box = (
  name: string,
  networks: Readonly<Record<string, readonly string[]>>,
  compose?: readonly [project: string, service: string],
): Container => ({
  id: Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64),
  name,
  image: 'box:1',
  labels: {},
  ...(compose ? { project: compose[0], service: compose[1] } : {}),
  endpoints: Object.entries(networks).map(([network, aliases]) => ({
    network,
    networkId: network,
    addresses: [`10.0.0.${name.length}`],
    aliases,
  })),
})

const view: ContainerView = {
  networks: [
    { ...{ id: 'back', name: 'back', driver: 'bridge', bridged: true }, internal: false, subnets: [], gateways: [] },
  ],
  containers: [
    box('shop_web_1', { shop_default: ['web', 'shop-front'] }, ['shop', 'web']),
    box('shop_web_2', { shop_default: ['web'] }, ['shop', 'web']),
    box('blog_web_1', { blog_default: ['web'] }, ['blog', 'web']),
    // `compose run` gives no aliases.
    { ...box('shop_web_run_9', { shop_default: [] }, ['shop', 'web']), unnamed: true },
    box('shop_db_1', { shop_default: ['db', 'main'], back: ['db'] }, ['shop', 'db']),
    box('Alone', { bridge: [] }),
    box('main', { other: [] }),
    box('a', { one: ['same'] }),
    box('b', { two: ['same'] }),
    box('c', { three: ['same'], shop_default: [] }, ['shop', 'c']),
    // Two stacks of one file, each with its own `pool`.
    box('shop_x_1', { east: ['pool', 'pair', 'z', 'q'] }, ['shop', 'x']),
    box('shop_y_1', { west: ['pool'], east: ['pair'] }, ['shop', 'y']),
    box('shop_z_1', { west: ['z'] }, ['shop', 'z']),
    box('shop_p_1', { east: ['p'], west: ['p'] }, ['shop', 'p']),
    box('shop_p_2', { east: ['p'], west: ['p'] }, ['shop', 'p']),
    box('shop_q_1', { east: ['q'], west: ['q'] }, ['shop', 'q']),
    box('shop_blue_1', { east: ['app', 'part'], west: ['app', 'part'] }, ['shop', 'blue']),
    box('shop_green_1', { east: ['app', 'part'], west: ['app'] }, ['shop', 'green']),
    box('hosted', { host: [] }),
    box('loose', {}),
    { ...box('side', {}), networkOf: box('Alone', {}).id },
    { ...box('shop_car_1', {}, ['shop', 'car']), networkOf: box('Alone', {}).id },
    box('shop_none_1', {}, ['shop', 'none']),
    { ...box('orphan', {}), networkOf: box('gone', {}).id },
  ],
  stopped: [
    { name: 'shop_jobs_1', project: 'shop', service: 'jobs' },
    { name: 'shop_web_3', project: 'shop', service: 'web' },
    { name: 'shop_loop_1', project: 'shop', service: 'loop', state: 'restarting' },
  ],
}

t.test('what names mean', async (t) => {
  const table: [name: string, expected: string][] = [
    ['shop_web_1', 'shop_web_1@shop_default'],
    ['shop_web_1.container.internal', 'shop_web_1@shop_default'],
    ['alone', 'Alone@bridge'], // names know no case
    ['web.shop', 'shop_web_1@shop_default shop_web_2@shop_default'], // replicas are one meaning
    ['web.blog', 'blog_web_1@blog_default'],
    ['web.blog.container.internal', 'blog_web_1@blog_default'],
    ['web.shop_default', 'shop_web_1@shop_default shop_web_2@shop_default'],
    ['shop_web_1.shop_default', 'shop_web_1@shop_default'],
    ['shop-front', 'shop_web_1@shop_default'],
    ['shop_web_run_9', 'shop_web_run_9@shop_default'],
    ['db', 'shop_db_1@shop_default shop_db_1@back'], // one container, in both its networks
    ['db.back', 'shop_db_1@back'],
    ['main', 'main@other'], // a name before an alias
    ['main.shop_default', 'shop_db_1@shop_default'],
    [Buffer.from('Alone').toString('hex').padEnd(12, '0'), 'Alone@bridge'],
    [Buffer.from('Alone').toString('hex'), 'unknown'], // fewer digits than an id is shown with
    ['web', 'ambiguous: projects blog and shop; web.blog web.shop'],
    ['web.container.internal', 'ambiguous: projects blog and shop; web.blog web.shop'],
    ['same', 'ambiguous: projects and networks one, shop and two; same.one same.three same.two'],
    ['same.three', 'c@three'],
    ['pool', 'ambiguous: networks east and west; pool.east pool.west'],
    ['pool.west', 'shop_y_1@west'],
    ['pair', 'shop_x_1@east shop_y_1@east'], // in one network: so it is to the containers there
    ['z', 'ambiguous: networks east and west; z.east z.shop'],
    ['p', 'shop_p_1@east shop_p_1@west shop_p_2@east shop_p_2@west'],
    ['q', 'ambiguous: networks east and west; q.shop shop_x_1'], // `q.east` is both
    // In each of their networks the same services.
    ['app', 'shop_blue_1@east shop_blue_1@west shop_green_1@east shop_green_1@west'],
    ['part', 'ambiguous: networks east and west; part.west shop_blue_1 shop_green_1'],
    ['loose', 'detached: loose from all'],
    ['loose.back', 'detached: loose from back'],
    ['side', 'joined: side to Alone'],
    ['side.back', 'joined: side to Alone'],
    ['side.front', 'unknown'],
    ['car', 'joined: shop_car_1 to Alone'],
    ['car.shop', 'joined: shop_car_1 to Alone'],
    ['car.blog', 'unknown'],
    ['none.shop', 'detached: shop_none_1 from all'],
    ['none.shop.back', 'detached: shop_none_1 from back'],
    ['orphan', 'joined: orphan to another'],
    ['alone.back', 'detached: Alone from back'],
    ['alone.front', 'unknown'],
    ['shop_jobs_1', 'stopped: shop_jobs_1'],
    ['jobs', 'stopped: shop_jobs_1'],
    ['jobs.shop', 'stopped: shop_jobs_1'],
    ['loop', 'stopped: shop_loop_1 restarting'],
    ['hosted', 'hosted@host'],
    ['shop', 'unknown'],
    ['web.nowhere', 'unknown'],
    ['shop_web', 'unknown'],
    ['', 'unknown'],
    ['.container.internal', 'unknown'],
    ['toString', 'unknown'],
  ]
  for (const [name, expected] of table) t.equal(shown(name), expected, name)
  t.strictSame(findContainers({ networks: [], containers: [] }, 'web'), { kind: 'unknown' })
})

function shown(name: string, of = view): string {
  const found = findContainers(of, name)
  switch (found.kind) {
    case 'places':
      return found.places.map(({ container, endpoint }) => `${container.name}@${endpoint.network}`).join(' ')
    case 'ambiguous':
      return `ambiguous: ${found.where}; ${found.say.join(' ')}`
    case 'detached':
      return `detached: ${found.name} from ${found.network ?? 'all'}`
    case 'joined':
      return `joined: ${found.name} to ${found.to ?? 'another'}`
    case 'stopped':
      return `stopped: ${[found.name, found.state].filter(Boolean).join(' ')}`
    case 'unknown':
      return 'unknown'
  }
}

t.test('a service of no project has no name with one', (t) => {
  const lone = { ...box('other', { n1: ['web'], n2: [] }), service: 'web' }
  const containers = [lone, box('shop_web_1', { shop_default: ['web'] }, ['shop', 'web'])]
  t.equal(
    shown('web', { networks: [], containers }),
    'ambiguous: projects and networks n1, n2 and shop; other web.n1 web.shop',
  )
  t.equal(shown('web.n1', { networks: [], containers }), 'other@n1')
  const stopped = [{ name: 'ended', service: 'ended' }]
  const detached = { ...box('loose', {}), service: 'none' }
  for (const name of ['web.undefined', 'none.undefined', 'ended.undefined']) {
    t.equal(shown(name, { networks: [], containers: [lone, detached], stopped }), 'unknown')
  }
  t.end()
})

t.test('what is suggested means something', (t) => {
  const run = { ...box('shop_web_run_1', { shop_default: [] }, ['shop', 'web']), unnamed: true as const }
  const containers = [run, ...view.containers.slice(4)]
  for (const name of knownNames({ networks: [], containers })) {
    t.not(shown(name.toLowerCase(), { networks: [], containers }), 'unknown', name)
  }
  t.end()
})
