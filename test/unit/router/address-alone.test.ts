import t from 'tap'
import type { Container } from '../../../src/contracts/containers.ts'
import { type AddressAloneOptions, createAddressAlone } from '../../../src/router/address-alone.ts'
import type { ContainerRule } from '../../../src/router/container-rules.ts'
import { parseExcludeList } from '../../../src/wire/exclude-list.ts'
import { targetFromHost } from '../../../src/wire/target.ts'
import { parseUpstreamUrl } from '../../../src/wire/upstream-url.ts'

const nothing = parseExcludeList('')
const list = parseExcludeList
const hops = [parseUpstreamUrl('http://p:1')]
const container = { id: 'f00d', name: 'db', image: 'postgres', labels: {}, endpoints: [] } as Container
const known = { address: '172.18.0.2', local: false, container }
const stranger = { address: '172.18.0.9', local: false }

type Policy = AddressAloneOptions['policy']
const manual: Policy = { mode: 'manual', hasPac: false, http: hops, https: hops, exclude: nothing }
const blockAll: Policy = { ...manual, http: [], https: [] }

function alone(policy: Policy, more: Partial<AddressAloneOptions> = {}) {
  const access = { allow: nothing, deny: nothing }
  return createAddressAlone({ policy, containerRules: [], access, rejectDisbelieved: false, ...more })
}

t.test('the policy: what an exclude block holds, and what is rejected whatever it is called', async (t) => {
  const rows: [what: string, policy: Policy, dialled: string, isAlone: boolean][] = [
    ['mode none', { ...manual, mode: 'none', exclude: list('a.test') }, '192.0.2.1', true],
    ['mode system', { ...manual, mode: 'system' }, '192.0.2.1', false],
    ['a script', { ...manual, hasPac: true, exclude: list('192.0.2.0/24') }, '192.0.2.1', false],
    ['proxies are asked for the name', manual, '192.0.2.1', false],
    ['a block holds it', { ...manual, exclude: list('a.test, 192.0.2.0/24') }, '192.0.2.1', true],
    ['a block over IPv6', { ...manual, exclude: list('2001:db8::/32') }, '2001:db8::1', true],
    ['another block', { ...manual, exclude: list('192.0.2.0/24') }, '198.51.100.1', false],
    ['a block for another port', { ...manual, exclude: list('192.0.2.0/24:80') }, '192.0.2.1', false],
    ['a block for one scheme', { ...manual, exclude: list('http://192.0.2.0/24') }, '192.0.2.1', false],
    ['everything, by whatever name', { ...manual, exclude: list('*') }, '192.0.2.1', false],
    ['nothing is allowed', blockAll, '192.0.2.1', true],
    ['blocks are allowed', { ...blockAll, exclude: list('10.0.0.0/8') }, '192.0.2.1', true],
    ['names are allowed', { ...blockAll, exclude: list('a.test') }, '192.0.2.1', false],
    ['a glob is a name', { ...blockAll, exclude: list('*cdn*') }, '192.0.2.1', false],
    ['one scheme is allowed', { ...blockAll, exclude: list('http://10.0.0.0/8') }, '10.0.0.1', false],
    ['one scheme has a proxy', { ...blockAll, http: hops }, '192.0.2.1', false],
  ]
  for (const [what, policy, dialled, isAlone] of rows) {
    t.equal(alone(policy)(targetFromHost(dialled, 443), known), isAlone, what)
  }
})

t.test('names in the access lists, and names that must be true', async (t) => {
  const none: Policy = { ...manual, mode: 'none' }
  const dialled = targetFromHost('192.0.2.1', 443)
  t.equal(alone(none, { access: { allow: nothing, deny: list('a.test') } })(dialled, known), false)
  t.equal(alone(none, { access: { allow: list('.a.test'), deny: nothing } })(dialled, known), false)
  t.equal(alone(none, { access: { allow: nothing, deny: list('192.0.2.1') } })(dialled, known), true)
  t.equal(alone(none, { rejectDisbelieved: true })(dialled, known), false)
})

t.test('containerRules: the first that means the container, if it says one thing of every name', async (t) => {
  const db = { container: ['db'] }
  const rows: [what: string, rules: ContainerRule[], isAlone: boolean][] = [
    ['direct', [{ match: db, use: { kind: 'direct' } }], true],
    ['reject', [{ match: db, use: { kind: 'reject' } }], true],
    ['a proxy is asked for the name', [{ match: db, use: { kind: 'chain', hops } }], false],
    ['the policy', [{ match: db, use: { kind: 'policy' } }], false],
    ['another container', [{ match: { container: ['web'] }, use: { kind: 'reject' } }], false],
    ['to names', [{ match: db, to: list('a.test'), use: { kind: 'reject' } }], false],
    ['to its block', [{ match: db, to: list('192.0.2.0/24'), use: { kind: 'reject' } }], true],
    [
      'to another block, and then everything',
      [
        { match: db, to: list('10.0.0.0/8'), use: { kind: 'direct' } },
        { match: db, use: { kind: 'reject' } },
      ],
      true,
    ],
    [
      'to names, and then everything',
      [
        { match: db, to: list('a.test'), use: { kind: 'direct' } },
        { match: db, use: { kind: 'reject' } },
      ],
      false,
    ],
  ]
  const dialled = targetFromHost('192.0.2.1', 443)
  for (const [what, containerRules, isAlone] of rows) {
    t.equal(alone(manual, { containerRules })(dialled, known), isAlone, what)
    t.equal(alone(manual, { containerRules })(dialled, stranger), false, `${what}: who it is may become known yet`)
  }
  const strangers: [what: string, rules: ContainerRule[], isAlone: boolean][] = [
    ['whoever it is', [{ match: db, use: { kind: 'reject' } }], true],
    ['whoever it is, by its block', [{ match: db, to: list('192.0.2.0/24'), use: { kind: 'direct' } }], true],
    ['if it is that one, a proxy is asked', [{ match: db, use: { kind: 'chain', hops } }], false],
    ['if it is that one, its names count', [{ match: db, to: list('a.test'), use: { kind: 'direct' } }], false],
    ['the proxy is for elsewhere', [{ match: db, to: list('10.0.0.0/8'), use: { kind: 'chain', hops } }], true],
  ]
  const none: Policy = { ...manual, mode: 'none' }
  for (const [what, containerRules, isAlone] of strangers) {
    t.equal(alone(none, { containerRules })(dialled, stranger), isAlone, what)
  }
})
