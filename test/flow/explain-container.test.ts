import { join } from 'node:path'
import t from 'tap'
import { runCommandLine } from '../../src/cli/program.ts'
import { fakeEngine, idOf } from '../fixtures/fake-engine.ts'

const compose = (project: string, service: string) => ({
  'com.docker.compose.project': project,
  'com.docker.compose.service': service,
})

t.test('explain --container', async (t) => {
  const engine = await fakeEngine(t)
  engine.networks = [
    { name: 'shop_default', subnets: ['172.18.0.0/16'], gateways: ['172.18.0.1'] },
    { name: 'blog_default', subnets: ['172.19.0.0/16'], gateways: ['172.19.0.1'] },
  ]
  engine.containers = [
    {
      name: 'shop-db-1',
      image: 'postgres:16',
      labels: compose('shop', 'db'),
      networks: { shop_default: { ip: '172.18.0.2' } },
    },
    {
      name: 'shop-web-1',
      image: 'nginx',
      labels: compose('shop', 'web'),
      networks: { shop_default: { ip: '172.18.0.3' } },
    },
    { name: 'side', image: 'sniffer', networkMode: `container:${idOf('shop-web-1')}`, networks: {} },
    { name: 'beside', image: 'sniffer', networkMode: `container:${idOf('gone')}`, networks: {} },
    { name: 'hosty', image: 'sniffer', networkMode: 'host', networks: { host: {} } },
    { name: 'nowhere', image: 'sniffer', networkMode: 'none', networks: { none: {} } },
  ]
  const settings = `engine: { socket: "unix://${engine.path}" }
containerRules: [{ match: { service: db }, to: "*.corp.example", use: "http://proxy.example:8080" }, { match: { service: db }, use: reject }, { match: { image: sniffer }, use: reject }]
`
  const folder = t.testdir({
    'fairlead.yaml': settings,
    'off.yaml': 'engine: { socket: off }\n',
    'open.yaml': `listen: { mixed: [{ address: "172.18.0.1:3128", scope: host, from: 172.18.0.0/16 }, { address: "127.0.0.1:3129", scope: containers }] }
capture: { enabled: true }
${settings}`,
  })
  const open = ['--config', join(folder, 'open.yaml')]
  const run = async (...args: string[]) => {
    const said = { out: '', err: '' }
    const listen = (where: keyof typeof said) => (text: string) => {
      said[where] += text
    }
    const io = { out: listen('out'), err: listen('err'), env: {}, cwd: folder }
    return { code: await runCommandLine(['explain', ...args], io), ...said }
  }

  const away = await run('--container', 'db', 'a.corp.example:443')
  t.equal(away.code, 1)
  t.match(away.err, /the Docker engine at .*docker\.sock cannot be asked: /)
  t.match(away.err, 'engine.socket in the settings names another')

  await engine.start()
  const rows = [
    [['--container', 'db', 'a.corp.example:443'], 'proxy', 'container-rule', 'containers'],
    [['--container', 'shop-db-1', 'other.example:443'], 'reject', 'container-rule', 'containers'],
    [['--container', 'web.shop', 'other.example:443'], 'direct', 'mode-none', 'containers'],
    [[...open, '--container', 'db', '--scope', 'host', 'other.example:443'], 'reject', 'container-rule', 'host'],
    [[...open, '--container', 'db', 'http.docker.internal:3128'], 'direct', 'special-name', 'containers'],
    [[...open, '--container', 'db', '192.168.65.1:3128'], 'direct', 'special-name', 'containers'],
    [[...open, '--container', 'db', 'http.docker.internal:80'], 'reject', 'loop', 'containers'],
    [[...open, '--scope', 'containers', 'http.docker.internal:3128'], 'reject', 'loop', 'containers'],
    [['--container', 'db', 'http.docker.internal:3128'], 'reject', 'loop', 'containers'],
    [['--container', 'web', '172.19.0.2:8000'], 'reject', 'access', 'containers'],
    [['--container', 'web', '172.18.0.2:8000'], 'direct', 'mode-none', 'containers'],
    [['172.19.0.2:8000'], 'direct', 'mode-none', 'host'],
    [['other.example:443'], 'direct', 'mode-none', 'host'],
  ] as const
  for (const [args, decision, source, scope] of rows) {
    const { code, out, err } = await run('--json', ...args)
    t.equal(code, 0, err)
    t.match(JSON.parse(out), { decision, scope, because: { source } }, args.join(' '))
  }
  const asJson = await run('--json', '--container', 'db', 'a.corp.example:443')
  t.strictSame(JSON.parse(asJson.out).container, {
    ...{ id: idOf('shop-db-1'), name: 'shop-db-1', image: 'postgres:16', project: 'shop', service: 'db' },
  })
  t.match((await run('--container', 'db', 'a.corp.example:443')).out, 'for container shop-db-1 of image postgres:16')

  const joined = await run('--json', '--container', 'side', 'other.example:443')
  t.match(JSON.parse(joined.out), { decision: 'direct', container: { name: 'shop-web-1' } }, 'as whose network it has')
  t.equal(
    joined.err,
    'container side has the network of shop-web-1: nothing tells them apart, and what shop-web-1 may holds for both\n',
  )
  for (const [name, why] of [
    ['beside', 'has the network of another one, which has no address or does not run'],
    ['hosty', 'has the network of the host, and no address of its own'],
    ['nowhere', 'has no address in any network'],
  ] as const) {
    const { code, out, err } = await run('--container', name, 'other.example:443')
    t.strictSame([code, out], [1, ''], name)
    t.match(err, `container ${name} ${why}\nNothing of it is captured, and no rule for containers holds for it.`)
  }

  t.match((await run(...open, '--container', 'db', 'http.docker.internal:3128')).out, 'the door 127.0.0.1:3129')

  const elsewhere = await run('--container', 'db', '--scope', 'host', 'other.example:443')
  t.equal(elsewhere.code, 2)
  t.match(elsewhere.err, 'no door of scope host listens where a container can reach it')
  t.match(elsewhere.err, 'expected: --scope containers, or none')

  const unknown = await run('--container', 'shop-bd-1', 'a.example:443')
  t.equal(unknown.code, 1)
  t.match(unknown.err, 'there is no running container "shop-bd-1"\nDid you mean shop-db-1?')
  const off = await run('--config', join(folder, 'off.yaml'), '--container', 'db', 'a.example:443')
  t.equal(off.code, 1)
  t.match(off.err, 'no container can be looked up: no engine is followed')
})
