import t from 'tap'
import type { Route, RouteQuery } from '../../../src/contracts/route.ts'
import { type Given, GivenDecisions } from '../../../src/gateway/front/given-decisions.ts'

const query = (change: Partial<RouteQuery> = {}): RouteQuery => ({
  target: { host: 'some.example', family: 0, port: 443 },
  scheme: 'https',
  scope: 'host',
  client: { address: '127.0.0.1', port: 40_000, local: true },
  ...change,
})
const route = { decision: 'proxy' } as unknown as Route
const decided = (asked: RouteQuery, epoch: number): Given => ({
  query: asked,
  route,
  epoch,
  askedAt: 900,
  decidedAt: 950,
  failed: [],
})

t.test('a decision serves its client once, at its door, for the same question', async (t) => {
  const given = new GivenDecisions()
  const keep = () => given.keep('mixed', decided(query(), 7), 1_000)
  keep()
  t.match(given.take('mixed', query(), 7, 1_500), { route, askedAt: 900, decidedAt: 950, failed: [] })
  t.equal(given.take('mixed', query(), 7, 1_500), undefined, 'once')
  keep()
  t.equal(given.take('mixed', query(), 8, 1_500), undefined, 'not in another epoch')
  keep()
  t.equal(given.take('mixed', query(), 7, 2_000), undefined, 'not for long')
  keep()
  t.equal(given.take('tls', query(), 7, 1_500), undefined, 'not at another door')
  t.equal(given.take('mixed', query({ scope: 'containers' }), 7, 1_500), undefined)
  for (const change of [
    { target: { host: 'other.example', family: 0 as const, port: 443 } },
    { target: { host: 'some.example', family: 0 as const, port: 444 } },
    { scheme: 'http' as const },
    { client: { address: '127.0.0.1', port: 40_001, local: true } },
    { client: { address: '127.0.0.2', port: 40_000, local: false } },
  ]) {
    keep()
    t.equal(given.take('mixed', query(change), 7, 1_500), undefined, JSON.stringify(change))
  }
})

t.test('bounded', async (t) => {
  const given = new GivenDecisions()
  for (let port = 1; port <= 5_000; port += 1) {
    given.keep('mixed', decided(query({ client: { address: '10.0.0.1', port, local: false } }), 0), 0)
  }
  let left = 0
  for (let port = 1; port <= 5_000; port += 1) {
    if (given.take('mixed', query({ client: { address: '10.0.0.1', port, local: false } }), 0, 1)) left += 1
  }
  t.ok(left <= 4_096, `${left} kept`)
})
