import { test } from 'tap'
import type { Container } from '../../../src/contracts/containers.ts'
import type { Captured } from '../../../src/contracts/route.ts'
import { createAccess } from '../../../src/router/access.ts'
import { type ContainerRule, compileContainerRules } from '../../../src/router/container-rules.ts'
import { createRouter, type Policy } from '../../../src/router/create-router.ts'
import { readEnvironment } from '../../../src/router/environment.ts'
import { createSpecialAddresses } from '../../../src/router/special-addresses.ts'
import { parseExcludeList } from '../../../src/wire/exclude-list.ts'
import { parseUpstreamUrl } from '../../../src/wire/upstream-url.ts'
import { fakePacEngine } from '../../fixtures/fake-pac-engine.ts'
import { queryFor, REMOTE_CLIENT } from '../../fixtures/route-query.ts'

const signal = new AbortController().signal
const nothing = parseExcludeList('')
const access = createAccess({
  allow: nothing,
  deny: parseExcludeList('denied.example'),
  ownEndpoints: () => [{ address: '127.0.0.1', port: 3128 }],
  clock: { wall: () => 0, monotonic: () => 0, after: () => () => {} },
})
const pacOf = (answer: string, onFailure: 'block' | 'direct' = 'block') => ({
  engine: fakePacEngine(() => answer),
  label: 'proxy.pac',
  onFailure,
})
const manual: Policy = {
  mode: 'manual',
  http: [parseUpstreamUrl('http://p:1')],
  https: [parseUpstreamUrl('http://p:2')],
  exclude: parseExcludeList('x.example'),
}

test('modes', async (t) => {
  const rows: [policy: Policy, url: string, decision: string, source: string][] = [
    [{ mode: 'none', exclude: nothing }, 'https://a.example', 'direct', 'mode-none'],
    [{ ...manual, mode: 'none', pac: pacOf('PROXY p:1') }, 'https://a.example', 'direct', 'mode-none'],
    [manual, 'https://a.example', 'proxy', 'manual'],
    [manual, 'https://x.example', 'direct', 'exclude'],
    [{ mode: 'manual', exclude: nothing }, 'https://a.example', 'reject', 'manual'],
    // PAC beats everything in manual mode, the exclude list too.
    [{ ...manual, pac: pacOf('SOCKS5 s:1') }, 'https://x.example', 'proxy', 'pac'],
    [{ ...manual, pac: pacOf('DIRECT') }, 'https://a.example', 'direct', 'pac'],
    [{ ...manual, pac: pacOf('PROXY reject.docker.internal:1') }, 'https://x.example', 'reject', 'reject-name'],
    [{ ...manual, pac: pacOf('PROXY 127.0.0.1:0') }, 'https://x.example', 'reject', 'pac'],
    [{ ...manual, pac: pacOf('PROXY 127.0.0.1:0; PROXY 0.0.0.0:0', 'direct') }, 'https://a.example', 'reject', 'pac'],
    [{ ...manual, pac: pacOf('PROXY 127.0.0.1:0; DIRECT') }, 'https://a.example', 'direct', 'pac'],
    [{ ...manual, pac: pacOf('PROXY 127.0.0.1:0; PROXY p:1') }, 'https://a.example', 'proxy', 'pac'],
    [
      { ...manual, pac: pacOf('PROXY reject.fairlead.internal:0; DIRECT') },
      'https://a.example',
      'reject',
      'reject-name',
    ],
    [{ ...manual, pac: pacOf('') }, 'https://a.example', 'reject', 'pac-failure'],
    [
      { ...manual, http: [parseUpstreamUrl('http://reject.fairlead.internal')] },
      'http://a.example',
      'reject',
      'reject-name',
    ],
    // System mode looks at the environment alone.
    [{ ...manual, mode: 'system', environment: readEnvironment({}) }, 'https://a.example', 'direct', 'environment'],
    [
      { ...manual, mode: 'system', environment: readEnvironment({ https_proxy: 'q' }) },
      'https://x.example',
      'proxy',
      'environment',
    ],
    [
      { ...manual, mode: 'system', pac: pacOf('PROXY p:1'), environment: readEnvironment({}) },
      'https://a.example',
      'direct',
      'environment',
    ],
    [{ ...manual, mode: 'system' }, 'https://a.example', 'reject', 'environment'],
    // Access comes before every policy.
    [{ mode: 'none', exclude: nothing }, 'https://denied.example', 'reject', 'access'],
    [manual, 'https://x.denied.example', 'reject', 'access'],
    [{ ...manual, pac: pacOf('DIRECT') }, 'http://169.254.169.254', 'reject', 'access'],
    [{ mode: 'none', exclude: nothing }, 'http://127.0.0.1:3128', 'reject', 'loop'],
    [{ mode: 'none', exclude: nothing }, 'http://127.0.0.1:3127', 'direct', 'mode-none'],
  ]
  for (const [host, url, decision, source] of rows) {
    const route = await createRouter({ host, access, generation: 7 }).route(queryFor(url), signal)
    const name = `${host.mode} ${url}`
    t.same([route.decision, route.because.source, route.generation], [decision, source, 7], name)
    t.equal(route.candidates.length > 0, decision !== 'reject', `${name}: candidates`)
    t.equal(route.candidates[0]?.hops.length === 0, decision === 'direct', `${name}: first candidate`)
  }
})

test('a refused target never reaches the script', async (t) => {
  const pac = pacOf('DIRECT')
  const router = createRouter({ host: { ...manual, pac }, access, generation: 1 })
  await router.route(queryFor('http://127.0.0.1/', 'host', REMOTE_CLIENT), signal)
  t.same(pac.engine.asked, [])
  await router.route(queryFor('http://a.example/'), signal)
  t.same(pac.engine.asked, [{ url: 'http://a.example/', host: 'a.example' }])
})

test('scopes', async (t) => {
  const containers: Policy = { mode: 'none', exclude: nothing }
  const both = createRouter({ host: manual, containers, access, generation: 1 })
  const url = 'https://a.example'
  t.equal((await both.route(queryFor(url, 'host'), signal)).decision, 'proxy')
  t.equal((await both.route(queryFor(url, 'containers'), signal)).decision, 'direct')
  const pac = pacOf('DIRECT')
  const one = createRouter({ host: { ...manual, pac }, access, generation: 1 })
  await one.route(queryFor(`${url}/p`, 'containers'), signal)
  t.same(
    pac.engine.asked,
    [{ url: 'https://a.example:443', host: 'a.example' }],
    'the host policy, in the form of containers',
  )
})

test('an aborted decision is thrown', async (t) => {
  const reason = new Error('gone')
  await t.rejects(
    createRouter({ host: manual, access, generation: 1 }).route(queryFor('a:1'), AbortSignal.abort(reason)),
    reason,
  )
})

test('container rules come after access, before the policy, and reject names hold for them too', async (t) => {
  const container = { id: 'f00d', name: 'box', image: 'box', labels: {}, endpoints: [] }
  const hop = parseUpstreamUrl('http://reject.docker.internal:1')
  const router = createRouter({
    host: { mode: 'none', exclude: nothing },
    containerRules: ({ target, client }) => {
      if (!client.container) return undefined
      const hops = target.host === 'blocked.example' ? [hop] : [parseUpstreamUrl('http://p:1')]
      return { decision: 'proxy', candidates: [{ hops }], because: { source: 'container-rule', detail: 'x' } }
    },
    access,
    generation: 1,
  })
  const rows = [
    ['https://a.example', { ...REMOTE_CLIENT, container }, 'proxy', 'container-rule'],
    ['https://a.example', REMOTE_CLIENT, 'direct', 'mode-none'],
    ['https://denied.example', { ...REMOTE_CLIENT, container }, 'reject', 'access'],
    ['https://blocked.example', { ...REMOTE_CLIENT, container }, 'reject', 'reject-name'],
  ] as const
  for (const [url, client, decision, source] of rows) {
    const route = await router.route(queryFor(url, 'containers', client), signal)
    t.match(route, { decision, because: { source } }, `${url} ${decision}`)
  }
})

test('the host by its own name, at a port of the gateway: the decision says what is left out, or that nothing is left', async (t) => {
  const special = createSpecialAddresses({
    host: ['192.168.65.254'],
    gateway: [],
    hostPorts: [{ from: 1, to: 65_535 }],
    byAddress: true,
  })
  const listening = [{ address: '127.0.0.1', port: 3128 }]
  const own = createAccess({
    allow: nothing,
    deny: nothing,
    ownEndpoints: () => [...listening, { address: '127.0.0.1', port: 3131 }, { address: '::1', port: 3131 }],
    leadsTo: special.dialled,
    clock: { wall: () => 0, monotonic: () => 0, after: () => () => {} },
  })
  const router = createRouter({ host: { mode: 'none', exclude: nothing }, access: own, special, generation: 1 })
  const rows: [port: number, decision: string, detail: RegExp][] = [
    [80, 'direct', /^this is the host itself \(host\.docker\.internal\)$/],
    [3128, 'direct', /, of which is left out: 127\.0\.0\.1:3128 is the gateway itself$/],
    [3131, 'reject', /^127\.0\.0\.1:3131 is the gateway itself$/],
  ]
  for (const [port, decision, detail] of rows) {
    const query = { ...queryFor(`https://host.docker.internal:${port}`), scope: 'containers' as const }
    const route = await router.route(query, signal)
    t.equal(route.decision, decision, String(port))
    t.match(route.because.detail, detail)
  }
})

/** Decides what a container, or a client of whom nothing is known, asks of the host. */
function towardsHost(list: readonly ContainerRule[], isUncertain?: (address: string) => boolean) {
  const special = createSpecialAddresses({
    host: ['192.168.65.254', 'fdc4:f303:9324::254'],
    gateway: [],
    hostPorts: [{ from: 1, to: 9_999 }],
    byAddress: true,
  })
  const own = createAccess({
    allow: nothing,
    deny: nothing,
    ownEndpoints: () => [],
    leadsTo: special.dialled,
    clock: { wall: () => 0, monotonic: () => 0, after: () => () => {} },
  })
  const router = createRouter({
    host: { mode: 'none', exclude: nothing },
    access: own,
    special,
    containerRules: compileContainerRules(list, isUncertain),
    generation: 1,
  })
  return async (name: string | undefined, asked: string, more: Partial<Container> = {}, captured?: Captured) => {
    const container = name !== undefined && { id: name, name, image: 'x', labels: {}, endpoints: [], ...more }
    const client = { ...REMOTE_CLIENT, ...(container && { container }) }
    const query = { ...queryFor(asked, 'containers', client), ...(captured && { captured }) }
    const { decision, because } = await router.route(query, signal)
    return `${decision} ${because.source}`
  }
}

const chain = { kind: 'chain', hops: [parseUpstreamUrl('http://p:1')] } as const

test('the host by its own name: what a rule refuses to a container is refused there too, other rules are about what leaves', async (t) => {
  const decided = towardsHost([
    { match: { container: ['api'] }, to: parseExcludeList('host.docker.internal'), use: { kind: 'policy' } },
    { match: { container: ['api', 'db'] }, use: { kind: 'reject' } },
    { match: {}, use: chain },
  ])
  t.equal(await decided('db', 'host.docker.internal:5432'), 'reject container-rule')
  t.equal(await decided('web', 'host.docker.internal:5432'), 'direct special-name')
  t.equal(await decided('api', 'host.docker.internal:5432'), 'direct special-name')
  t.equal(await decided('db', 'host.docker.internal:10000'), 'reject special-name')
})

test('the host is one place, whichever of its names and addresses a rule has and a container asks for', async (t) => {
  const called = ['host.docker.internal', 'host.fairlead.internal', '192.168.65.254', '[fdc4:f303:9324::254]']
  for (const to of [...called, '192.168.65.0/24:5432', '*.docker.internal']) {
    const closed = towardsHost([
      { match: { container: ['*'] }, to: parseExcludeList(to), use: { kind: 'reject' } },
      { match: { container: ['*'] }, use: chain },
    ])
    const opened = towardsHost([
      { match: { container: ['api'] }, to: parseExcludeList(to), use: { kind: 'policy' } },
      { match: { container: ['*'] }, use: { kind: 'reject' } },
    ])
    for (const host of called) {
      const asked = `${host}:5432`
      t.equal(await closed('api', asked), 'reject container-rule', `${asked}, closed by ${to}`)
      t.equal(await opened('api', asked), 'direct special-name', `${asked}, opened by ${to}`)
      t.equal(await opened('db', asked), 'reject container-rule', `${asked}, opened by ${to} to another one`)
    }
    const captured = { dialled: queryFor('192.168.65.254:5432').target }
    t.equal(await closed('api', '192.168.65.254:5432', {}, captured), 'reject container-rule', `captured: ${to}`)
    t.equal(await opened('api', '192.168.65.254:5432', {}, captured), 'direct special-name', `captured: ${to}`)
  }
  const elsewhere = towardsHost([
    {
      match: { container: ['*'] },
      to: parseExcludeList('host.docker.internal:80, 10.0.0.0/8'),
      use: { kind: 'reject' },
    },
  ])
  t.equal(await elsewhere('api', '192.168.65.254:5432'), 'direct special-name', 'neither its port nor its address')
})

test('towards the host, of the rules that may be meant only those refuse that say so', async (t) => {
  const asked = 'host.docker.internal:5432'
  const reject = { match: { label: ['egress=no'] }, use: { kind: 'reject' } } as const
  const uses = [{ kind: 'policy' }, chain, { kind: 'direct' }] as const
  for (const use of uses) {
    const list: readonly ContainerRule[] = [{ match: { label: ['egress=yes'] }, use }]
    const isUncertain = () => true
    t.equal(await towardsHost(list, isUncertain)(undefined, asked), 'direct special-name', `${use.kind}: not known`)
    t.equal(await towardsHost(list)('api', asked, { unreadLabels: 'any' }), 'direct special-name', use.kind)
    const both = [...list, reject]
    t.equal(await towardsHost(both, isUncertain)(undefined, asked), 'reject container-rule', `${use.kind}: not known`)
    t.equal(await towardsHost(both)('api', asked, { unreadLabels: 'any' }), 'reject container-rule', use.kind)
    t.equal(await towardsHost(both)('api', asked), 'direct special-name', `${use.kind}: known, and not meant`)
  }
})
