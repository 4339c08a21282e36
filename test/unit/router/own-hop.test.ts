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
    outward: ['172.18.0.3'],
  },
}
const through = (...hosts: string[]) => throughChain(hosts.map(hop), 'manual', 'http is this')

test('a container that is the proxy is not sent to itself, by whichever of its addresses', async (t) => {
  for (const own of ['172.30.1.10', 'fd00:30::10', '172.18.0.3']) {
    const decision = stopAtOwnHop(through('192.0.2.1', own), px)
    t.equal(decision.decision, 'reject', own)
    t.strictSame(decision.candidates, [])
    t.equal(decision.because.source, 'own-hop')
    t.match(decision.because.detail, /^http is this; but container px is itself a proxy of this way out \(/)
  }
})

test('others are, and so is it to others', async (t) => {
  const other = through('192.0.2.1')
  t.equal(stopAtOwnHop(other, px), other)
  const others: Client = { address: '172.30.1.11', local: false }
  const decision = through('172.30.1.10')
  t.equal(stopAtOwnHop(decision, others), decision)
  const plain = direct('mode-none', 'none')
  t.equal(stopAtOwnHop(plain, px), plain)
})

test('of several ways out the others are left', async (t) => {
  const decision = {
    ...through('172.30.1.10'),
    candidates: [{ hops: [hop('172.30.1.10')] }, { hops: [hop('192.0.2.1')] }, { hops: [] }],
  }
  const left = stopAtOwnHop(decision, px)
  t.equal(left.decision, 'proxy')
  t.strictSame(left.candidates, [{ hops: [hop('192.0.2.1')] }, { hops: [] }])
})

test('without an engine it is known by the address that it comes from', async (t) => {
  const decision = stopAtOwnHop(through('172.30.1.10'), { address: '172.30.1.10', local: false })
  t.equal(decision.decision, 'reject')
  t.match(decision.because.detail, 'the client 172.30.1.10 is itself')
  const local = through('127.0.0.1')
  t.equal(stopAtOwnHop(local, { address: '127.0.0.1', local: true }), local, 'the gateway’s machine is many programs')
})
