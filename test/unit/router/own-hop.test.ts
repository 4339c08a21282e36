import { test } from 'tap'
import type { Client, Hop } from '../../../src/contracts/route.ts'
import { direct, throughChain } from '../../../src/router/decision.ts'
import { stopAtOwnHop } from '../../../src/router/own-hop.ts'

const hop = (host: string): Hop => ({ kind: 'http', host, family: 4, port: 8888 })
const endpoint = { network: 'neta', networkId: 'a'.repeat(64), aliases: [] }
const px: Client = {
  address: '172.30.1.10',
  local: false,
  container: {
    ...{ id: 'b'.repeat(64), name: 'px', image: 'squid', labels: {} },
    endpoints: [{ ...endpoint, addresses: ['172.30.1.10', 'fd00:30::10'] }],
  },
}
const through = (...hosts: string[]) => throughChain(hosts.map(hop), 'manual', 'http is this')

test('a container that is the proxy is not sent to itself, by whichever of its addresses', async (t) => {
  for (const own of ['172.30.1.10', 'fd00:30::10']) {
    const decision = stopAtOwnHop(through('192.0.2.1', own), { client: px })
    t.equal(decision.decision, 'reject', own)
    t.strictSame(decision.candidates, [])
    t.equal(decision.because.source, 'own-hop')
    t.match(decision.because.detail, /^http is this; but container px is itself a proxy of this way out \(/)
  }
})

test('others are, and so is it to others', async (t) => {
  const other = through('192.0.2.1')
  t.equal(stopAtOwnHop(other, { client: px }), other)
  const others: Client = { address: '172.30.1.11', local: false }
  const decision = through('172.30.1.10')
  t.equal(stopAtOwnHop(decision, { client: others }), decision)
  const plain = direct('mode-none', 'none')
  t.equal(stopAtOwnHop(plain, { client: px }), plain)
})

test('of several ways out the others are left', async (t) => {
  const decision = {
    ...through('172.30.1.10'),
    candidates: [{ hops: [hop('172.30.1.10')] }, { hops: [hop('192.0.2.1')] }, { hops: [] }],
  }
  const left = stopAtOwnHop(decision, { client: px })
  t.equal(left.decision, 'proxy')
  t.strictSame(left.candidates, [{ hops: [hop('192.0.2.1')] }, { hops: [] }])
  t.match(left.because.detail, 'the way through the client itself is left out')
  const direct = { ...decision, candidates: [{ hops: [hop('172.30.1.10')] }, { hops: [] }] }
  t.match(stopAtOwnHop(direct, { client: px }), { decision: 'direct', candidates: [{ hops: [] }] })
})

test('behind the direct way too, which is gone on from where the target does not answer', async (t) => {
  const decision = {
    ...direct('pac', 'p'),
    candidates: [{ hops: [] }, { hops: [hop('172.30.1.10')] }, { hops: [hop('192.0.2.1')] }],
  }
  const left = stopAtOwnHop(decision, { client: px })
  t.equal(left.decision, 'direct')
  t.strictSame(left.candidates, [{ hops: [] }, { hops: [hop('192.0.2.1')] }])
  t.match(left.because, { source: 'pac', detail: 'p (the way through the client itself is left out)' })
})

test('an address in an overlay network is another machine’s from here; the one that it goes out by is its own', async (t) => {
  const task: Client = { address: '172.18.0.3', local: false, container: { ...px.container!, outward: ['172.18.0.3'] } }
  const elsewhere = through('172.30.1.10')
  t.equal(stopAtOwnHop(elsewhere, { client: task }), elsewhere)
  t.equal(stopAtOwnHop(through('172.18.0.3'), { client: task }).decision, 'reject')
})

test('without an engine it is known by the address that it is captured at', async (t) => {
  const client: Client = { address: '172.30.1.10', local: false }
  const captured = { dialled: { host: '192.0.2.7', family: 4, port: 443 } as const }
  const decision = stopAtOwnHop(through('172.30.1.10'), { client, captured })
  t.equal(decision.decision, 'reject')
  t.match(decision.because.detail, 'the client 172.30.1.10 is itself')
  const asked = through('172.30.1.10')
  t.equal(
    stopAtOwnHop(asked, { client }),
    asked,
    'at a door it may be the gateway’s own machine, which is many programs',
  )
})
