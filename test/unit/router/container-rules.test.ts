import t from 'tap'
import type { Container } from '../../../src/contracts/containers.ts'
import type { Client, RouteQuery } from '../../../src/contracts/route.ts'
import { type ContainerMatch, type ContainerRule, compileContainerRules } from '../../../src/router/container-rules.ts'
import { parseExcludeList } from '../../../src/wire/exclude-list.ts'
import { parseUpstreamUrl } from '../../../src/wire/upstream-url.ts'
import { queryFor } from '../../fixtures/route-query.ts'

const db: Container = {
  id: 'f00d',
  name: 'shop-db-1',
  image: 'docker.io/library/postgres:16-alpine',
  labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'db', egress: 'none', tier: '' },
  project: 'shop',
  service: 'db',
  endpoints: [
    { network: 'shop_back', networkId: 'n1', addresses: ['172.18.0.2'], aliases: ['db'] },
    { network: 'shop_front', networkId: 'n2', addresses: ['172.19.0.2'], aliases: ['db'] },
  ],
}
const lone: Container = {
  id: 'beef',
  name: 'lone',
  image: 'registry.example:5000/acme/tool@sha256:0123',
  labels: {},
  endpoints: [],
}
const of = (container: Container | undefined): Client => ({
  address: '172.18.0.2',
  local: false,
  ...(container ? { container } : {}),
})
const ask = (text: string, container: Container | undefined, scope: RouteQuery['scope'] = 'containers') =>
  queryFor(text, scope, of(container))

t.test('which containers a match means', (t) => {
  const rows: readonly [match: ContainerMatch, container: Container | undefined, matches: boolean][] = [
    [{ container: ['shop-db-1'] }, db, true],
    [{ container: ['shop-*'] }, db, true],
    [{ container: ['*'] }, db, true],
    [{ container: ['shop'] }, db, false],
    [{ container: ['other', '*-1'] }, db, true],
    [{ container: ['shop-db-1'] }, lone, false],
    [{ image: ['postgres'] }, db, true],
    [{ image: ['postgres:16-alpine'] }, db, true],
    [{ image: ['postgres:15*'] }, db, false],
    [{ image: ['docker.io/library/postgres'] }, db, true],
    [{ image: ['library/postgres'] }, db, true],
    [{ image: ['index.docker.io/postgres:16-*'] }, db, true],
    [{ image: ['registry.example:5000/acme/tool'] }, lone, true],
    [{ image: ['registry.example:5000/*'] }, lone, true],
    [{ image: ['registry.example'] }, lone, false],
    [{ project: ['shop'] }, db, true],
    [{ project: ['*'] }, lone, false],
    [{ service: ['d?'] }, db, false],
    [{ service: ['d*'] }, db, true],
    [{ network: ['shop_front'] }, db, true],
    [{ network: ['*_back'] }, db, true],
    [{ network: ['bridge'] }, db, false],
    [{ label: ['egress'] }, db, true],
    [{ label: ['egress=none'] }, db, true],
    [{ label: ['egress=n*'] }, db, true],
    [{ label: ['egress=all'] }, db, false],
    [{ label: ['tier='] }, db, true],
    [{ label: ['egress', 'tier'] }, db, true],
    [{ label: ['egress', 'absent'] }, db, false],
    [{ label: ['com.docker.compose.*=shop'] }, db, true],
    [{ project: ['shop'], service: ['web'] }, db, false],
    [{ project: ['shop'], service: ['db'], label: ['egress=none'] }, db, true],
    [{ known: true }, db, true],
    [{ known: true }, undefined, false],
    [{ known: false }, undefined, true],
    [{ known: false }, db, false],
    [{ container: ['*'] }, undefined, false],
    [{ label: [] }, undefined, false],
  ]
  for (const [match, container, matches] of rows) {
    const rules = compileContainerRules([{ match, use: { kind: 'direct' } }])
    const decision = rules(ask('a.example:443', container))
    t.equal(decision?.decision === 'direct', matches, `${JSON.stringify(match)} and ${container?.name}`)
  }
  t.end()
})

t.test('an image that the engine has not told opens nothing, and may be the one that is refused', (t) => {
  const untold = { ...lone, image: `sha256:${'0'.repeat(64)}`, untoldImage: true } as const
  const rules = (use: 'direct' | 'reject', match: ContainerMatch = { image: ['nginx'] }) =>
    compileContainerRules([{ match, use: { kind: use } }])(ask('a.example:443', untold))
  t.equal(rules('direct'), undefined)
  t.match(rules('reject'), { decision: 'reject', because: { detail: /may mean container lone, of which .* image/ } })
  t.equal(rules('reject', { image: ['nginx'], container: ['other'] }), undefined)
  t.end()
})

t.test('a client of the host that is no container is not meant by known: false', (t) => {
  const rules = compileContainerRules([{ match: { known: false }, use: { kind: 'reject' } }])
  t.equal(rules(ask('a.example:443', undefined, 'host')), undefined)
  t.equal(rules(ask('a.example:443', undefined))?.decision, 'reject')
  t.end()
})

t.test('the first rule that matches decides', (t) => {
  const edge = parseUpstreamUrl('https://edge.example')
  const list: readonly ContainerRule[] = [
    { match: { service: ['db'] }, to: parseExcludeList('*.corp.example,10.0.0.0/8:5432'), use: { kind: 'direct' } },
    { match: { service: ['db'] }, to: parseExcludeList('mirror.example'), use: { kind: 'policy' } },
    { match: { service: ['db'] }, use: { kind: 'reject' } },
    { match: { container: ['*'] }, use: { kind: 'chain', hops: [edge] } },
  ]
  const rules = compileContainerRules(list)
  const rows: readonly [target: string, container: Container, decision: string | undefined, detail: string][] = [
    [
      'a.corp.example:443',
      db,
      'direct',
      'containerRules[0] (service db) matches container shop-db-1, service db of shop, and to "*.corp.example" a.corp.example: direct',
    ],
    [
      '10.1.2.3:5432',
      db,
      'direct',
      'containerRules[0] (service db) matches container shop-db-1, service db of shop, and to "10.0.0.0/8:5432" 10.1.2.3: direct',
    ],
    [
      '10.1.2.3:443',
      db,
      'reject',
      'containerRules[2] (service db) matches container shop-db-1, service db of shop: reject',
    ],
    ['mirror.example:443', db, undefined, ''],
    [
      'a.corp.example:443',
      lone,
      'proxy',
      'containerRules[3] (container *) matches container lone: https://edge.example:443',
    ],
  ]
  for (const [target, container, decision, detail] of rows) {
    const found = rules(ask(target, container))
    t.equal(found?.decision, decision, `${target} ${container.name}`)
    if (!found) continue
    t.same(found.because, { source: 'container-rule', detail })
    t.same(found.candidates, decision === 'proxy' ? [{ hops: [edge] }] : decision === 'direct' ? [{ hops: [] }] : [])
  }
  t.end()
})

t.test('`to` with addresses holds for what was dialled, also when a name is known', (t) => {
  const rules = compileContainerRules([
    { match: { container: ['*'] }, to: parseExcludeList('10.1.0.0/16'), use: { kind: 'reject' } },
  ])
  const query = ask('https://files.corp.example', db)
  const dialled = { host: '10.1.2.3', family: 4, port: 443 } as const
  t.match(rules({ ...query, captured: { dialled, nameSource: 'dns' } }), {
    decision: 'reject',
    because: { detail: /and to "?10\.1\.0\.0\/16"? 10\.1\.2\.3: reject$/ },
  })
  t.equal(rules({ ...query, captured: { dialled: { ...dialled, host: '10.2.0.1' } } }), undefined)
  t.equal(rules(query), undefined, 'asked for by name: names are not resolved for this')
  t.end()
})

t.test('a rule that may be meant opens nothing, and another refuses', (t) => {
  const edge = parseUpstreamUrl('https://edge.example')
  const uses = [
    [{ kind: 'reject' }, 'reject'],
    [{ kind: 'policy' }, 'reject'],
    [{ kind: 'chain', hops: [edge] }, 'reject'],
    [{ kind: 'direct' }, undefined],
  ] as const
  const isUncertain = (address: string) => address === '172.18.0.2'
  for (const [use, expected] of uses) {
    const byName = compileContainerRules([{ match: { container: ['bad*'] }, use }], isUncertain)
    t.equal(byName(ask('a.example:443', undefined))?.decision, expected, `${use.kind}: nobody can tell who it is`)
    t.equal(byName(ask('a.example:443', lone)), undefined, 'it is known, and not meant')
    const certain = compileContainerRules([{ match: { container: ['bad*'] }, use }], () => false)
    t.equal(certain(ask('a.example:443', undefined)), undefined, 'it is no container')

    const byLabel = compileContainerRules([{ match: { project: ['shop'], label: ['a=no'] }, use }])
    const many = { ...db, unreadLabels: 'any' } as const
    t.equal(byLabel(ask('a.example:443', many))?.decision, expected, `${use.kind}: a label may be among the unread`)
    t.equal(byLabel(ask('a.example:443', { ...db, unreadLabels: ['a'] }))?.decision, expected)
    t.equal(byLabel(ask('a.example:443', { ...db, unreadLabels: ['b'] })), undefined, 'another one is too long')
    t.equal(byLabel(ask('a.example:443', { ...many, project: 'blog' })), undefined, 'it is not meant, whatever it says')
  }
  const present = compileContainerRules([{ match: { label: ['a'] }, use: { kind: 'direct' } }])
  t.equal(
    present(ask('a.example:443', { ...db, unreadLabels: ['a'] }))?.decision,
    'direct',
    'that it is there is known',
  )
  const list = compileContainerRules(
    [
      { match: { container: ['bad*'] }, to: parseExcludeList('*.corp.example'), use: { kind: 'reject' } },
      { match: { known: false }, use: { kind: 'direct' } },
    ],
    isUncertain,
  )
  t.match(list(ask('a.corp.example:443', undefined)), {
    decision: 'reject',
    because: { detail: /^containerRules\[0\] \(container bad\*\) may mean 172\.18\.0\.2, .* does not say now/ },
  })
  t.equal(
    list(ask('a.example:443', undefined)),
    undefined,
    'only to what the rule is for; and it may be known after all',
  )
  const unknown = compileContainerRules([{ match: { known: false }, use: { kind: 'reject' } }], isUncertain)
  t.equal(unknown(ask('a.example:443', undefined))?.decision, 'reject')
  t.equal(unknown({ ...ask('a.example:443', undefined), scope: 'host' }), undefined, 'a door where it means nobody')
  t.end()
})
