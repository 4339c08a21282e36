import t from 'tap'
import type { Candidate, HopKind, RouteQuery } from '../../../../src/contracts/route.ts'
import { Secret } from '../../../../src/contracts/secret.ts'
import { wayFor } from '../../../../src/dialers/request/way.ts'

const request = { method: 'GET', path: '/', rawHeaders: [] }
const query: RouteQuery = {
  target: { host: 'a.test', family: 0, port: 80 },
  scheme: 'http',
  scope: 'host',
  client: { local: true },
}
const via = (kind: HopKind, password?: string): Candidate => ({
  hops: [
    {
      ...{ kind, host: 'p.test', family: 0, port: 3128 },
      ...(password === undefined ? {} : { credentials: { username: 'u', password: new Secret(password) } }),
    },
  ],
})
const direct: Candidate = { hops: [] }

t.test('absolute-form where the last hop speaks HTTP, a tunnel for everything else', async (t) => {
  for (const [kind, absolute] of [
    ['http', true],
    ['https', true],
    ['socks4', false],
    ['socks4a', false],
    ['socks5', false],
    ['socks5h', false],
  ] as const) {
    t.equal(wayFor(1, via(kind), query, request).proxy !== undefined, absolute, kind)
  }
  t.equal(wayFor(1, direct, query, request).proxy, undefined)
  t.equal(wayFor(1, via('http'), query, { ...request, upgrade: 'websocket' }).proxy, undefined)
  const chain = { hops: [...via('http').hops, ...via('socks5').hops] }
  t.equal(wayFor(1, chain, query, request).proxy, undefined)
})

t.test('connections are shared only where nothing that matters differs', async (t) => {
  const key = (candidate: Candidate, changes: Partial<RouteQuery> = {}, generation = 1, boundTo?: string) =>
    wayFor(generation, candidate, { ...query, ...changes }, { ...request, ...(boundTo ? { boundTo } : {}) }).key
  const other = { target: { host: 'b.test', family: 0 as const, port: 80 } }

  t.equal(key(direct), key({ hops: [] }), 'equal candidates')
  t.equal(key(via('http', 'x')), key(via('http', 'x')), 'equal credentials')
  t.equal(key(via('http')), key(via('http'), other), 'a proxy serves every target')
  t.not(key(direct), key(direct, other), 'target')
  t.not(key(direct), key(direct, { client: { local: false, address: '10.0.0.1' } }), 'kind of client')
  const from = (address: string) => ({ client: { local: false, address } })
  t.not(key(direct, from('172.18.0.2')), key(direct, from('172.19.0.2')), 'client, for containers are kept apart')
  t.equal(key(direct, from('172.18.0.2')), key(direct, from('172.18.0.2')), 'the same client')
  t.not(key(direct), key(direct, { scope: 'containers' }), 'scope')
  t.not(key(direct), key(direct, {}, 2), 'generation')
  t.not(key(via('http')), key(via('http', 'x')), 'credentials or none')
  t.not(key(via('http', 'x')), key(via('http', 'y')), 'password')
  t.not(key(via('http')), key(via('https')), 'kind of hop')
  t.not(key(direct), key(direct, {}, 1, 'client f1'), 'bound connections')
  const later = (candidate: Candidate, changes: Partial<RouteQuery>) =>
    wayFor(1, candidate, { ...query, ...changes }, request, 1).key
  t.not(later(direct, from('172.18.0.2')), key(direct, from('172.18.0.2')), 'who may reach what')
  t.equal(later(direct, {}), key(direct), 'which programs of this machine may not notice')
  t.equal(later(via('http'), from('172.18.0.2')), key(via('http')), 'nor a proxy')
  t.notMatch(key(via('http', 'hunter2')), /hunter2/)
})
