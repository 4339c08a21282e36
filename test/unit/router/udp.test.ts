import t from 'tap'
import type { Candidate, Hop, Route } from '../../../src/contracts/route.ts'
import { direct as directly, reject } from '../../../src/router/decision.ts'
import { createUdpRouter, type UdpRule } from '../../../src/router/udp.ts'
import { queryFor, REMOTE_CLIENT } from '../../fixtures/route-query.ts'

const hop = (kind: Hop['kind'], host: string): Hop => ({ kind, host, family: 0, port: 1080 })
const http = [hop('http', 'squid')]
const socks = [hop('socks5', 'dante')]
const chain = [hop('socks5h', 'edge'), hop('socks5', 'inner')]
const mixed = [hop('http', 'edge'), hop('socks5', 'inner')]
const direct: readonly Hop[] = []

/** Hops as `dante`, `edge>inner`, `direct`. */
const words = ({ decision, candidates }: Route) =>
  `${decision} ${candidates.map(({ hops }) => hops.map(({ host }) => host).join('>') || 'direct').join(' ')}`.trim()

interface Row {
  readonly name: string
  readonly rule?: UdpRule
  readonly refusesQuic?: boolean
  readonly target?: string
  /** Whether a rule for containers refuses it. */
  readonly ruledOut?: boolean
  /** Whether it is the host or the gateway. */
  readonly special?: boolean
  /** What a stream would do. */
  readonly stream?: readonly (readonly Hop[])[]
  readonly is: string
}

const rows: readonly Row[] = [
  { name: 'auto: direct', stream: [direct], is: 'direct direct' },
  { name: 'auto: an HTTP proxy', stream: [http], is: 'reject' },
  { name: 'auto: SOCKS5', stream: [socks], is: 'proxy dante' },
  { name: 'auto: a chain of SOCKS5', stream: [chain], is: 'proxy edge>inner' },
  { name: 'auto: a chain that begins with HTTP', stream: [mixed], is: 'reject' },
  { name: 'auto: SOCKS4 knows no UDP', stream: [[hop('socks4a', 'old')]], is: 'reject' },
  { name: 'auto: SOCKS5, then direct', stream: [socks, direct], is: 'proxy dante direct' },
  { name: 'auto: HTTP, then SOCKS5', stream: [http, socks], is: 'proxy dante' },
  { name: 'auto: HTTP, then direct: not stepped over', stream: [http, direct], is: 'reject' },
  { name: 'auto: HTTP, SOCKS5, direct', stream: [http, socks, direct], is: 'proxy dante' },
  { name: 'auto: SOCKS5, HTTP, direct', stream: [socks, http, direct], is: 'proxy dante' },
  { name: 'auto: refused', stream: [], is: 'reject' },
  { name: 'direct', rule: { kind: 'direct' }, stream: [http], is: 'direct direct' },
  { name: 'deny', rule: { kind: 'deny' }, stream: [direct], is: 'reject' },
  { name: 'an upstream', rule: { kind: 'chain', hops: socks }, stream: [direct], is: 'proxy dante' },
  { name: 'QUIC', target: 'a.test:443', stream: [direct], is: 'direct direct' },
  { name: 'QUIC refused', target: 'a.test:443', refusesQuic: true, stream: [direct], is: 'reject' },
  {
    name: 'QUIC through an upstream, refused',
    target: 'a.test:443',
    refusesQuic: true,
    rule: { kind: 'chain', hops: socks },
    is: 'reject',
  },
  { name: 'what a rule for containers refuses: direct', rule: { kind: 'direct' }, ruledOut: true, is: 'reject' },
  {
    name: 'what a rule for containers refuses: an upstream',
    rule: { kind: 'chain', hops: socks },
    ruledOut: true,
    is: 'reject',
  },
  { name: 'the host: auto', special: true, stream: [direct], is: 'direct direct' },
  {
    name: 'the host: no upstream has it',
    special: true,
    rule: { kind: 'chain', hops: socks },
    stream: [direct],
    is: 'direct direct',
  },
  { name: 'the host: QUIC too', special: true, refusesQuic: true, target: 'host.test:443', is: 'direct direct' },
  {
    name: 'the host: QUIC too, whatever leaves goes through an upstream',
    special: true,
    refusesQuic: true,
    target: 'host.test:443',
    rule: { kind: 'chain', hops: socks },
    is: 'direct direct',
  },
  {
    name: 'the host: QUIC, where port 443 is left out',
    special: true,
    refusesQuic: true,
    target: 'host.test:443',
    stream: [],
    is: 'reject',
  },
  {
    name: 'a port of the host that is left out: an upstream',
    special: true,
    rule: { kind: 'chain', hops: socks },
    stream: [],
    is: 'reject',
  },
  {
    name: 'a port of the host that is left out: direct',
    special: true,
    rule: { kind: 'direct' },
    stream: [],
    is: 'reject',
  },
  { name: 'the host: deny', special: true, rule: { kind: 'deny' }, stream: [direct], is: 'reject' },
  {
    name: 'the host, where a rule for containers refuses, which the router knows',
    special: true,
    rule: { kind: 'direct' },
    ruledOut: true,
    stream: [],
    is: 'reject',
  },
  {
    name: 'what access refuses, even where all is direct',
    rule: { kind: 'direct' },
    target: 'forbidden.test:53',
    is: 'reject',
  },
]

for (const row of rows) {
  t.test(row.name, async (t) => {
    const candidates: Candidate[] = (row.stream ?? [direct]).map((hops) => ({ hops }))
    const decision = candidates.length === 0 ? 'reject' : candidates[0]!.hops.length === 0 ? 'direct' : 'proxy'
    const stream: Route = { decision, candidates, because: { source: 'manual', detail: 'the rule' }, generation: 7 }
    const scope = { rule: row.rule ?? { kind: 'auto' as const }, refusesQuic: row.refusesQuic ?? false }
    const router = createUdpRouter({
      scopes: { host: { rule: { kind: 'deny' }, refusesQuic: true }, containers: scope },
      router: { route: async () => stream },
      access: {
        judgeTarget: ({ target }) =>
          target.host === 'forbidden.test' ? { source: 'access', detail: 'no' } : undefined,
        judgeAddress: () => undefined,
        isOwnEndpoint: () => false,
      },
      special: { decide: () => (row.special ? directly('special-name', 'the host') : undefined) },
      containerRules: () =>
        row.ruledOut ? reject('container-rule', 'containerRules[0]') : directly('container-rule', 'x'),
      generation: 7,
    })
    const query = queryFor(row.target ?? 'a.test:53', 'containers', REMOTE_CLIENT)
    const route = await router.route(query, new AbortController().signal)
    t.equal(words(route), row.is)
    t.equal(route.generation, 7)
    t.not(route.because.detail, '')
  })
}
