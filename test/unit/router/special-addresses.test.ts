import t from 'tap'
import type { RouteQuery } from '../../../src/contracts/route.ts'
import { createSpecialAddresses } from '../../../src/router/special-addresses.ts'
import { targetFromHost } from '../../../src/wire/target.ts'

const special = (byAddress: boolean) =>
  createSpecialAddresses({
    host: ['192.168.65.254', 'fdc4:f303:9324::254'],
    gateway: ['192.168.65.1'],
    hostPorts: [{ from: 8000, to: 8999 }],
    byAddress,
  })

function query(target: string, port: number, more: Partial<RouteQuery> = {}, dialled?: string): RouteQuery {
  return {
    target: targetFromHost(target, port),
    scheme: 'https',
    scope: 'containers',
    client: { address: '172.17.0.2', port: 1, local: false },
    ...(dialled === undefined ? {} : { captured: { dialled: targetFromHost(dialled, port) } }),
    ...more,
  }
}

const LOOPBACK = ['127.0.0.1', '::1']

t.test('the host is its loopback, for containers and allowed ports', async (t) => {
  const table: [what: string, asked: RouteQuery, dialled: readonly string[] | undefined][] = [
    ['by name', query('host.docker.internal', 8000), LOOPBACK],
    ['by our own name', query('host.fairlead.internal', 8999), LOOPBACK],
    ['by address', query('192.168.65.254', 8000), LOOPBACK],
    ['captured', query('192.168.65.254', 8000, {}, '192.168.65.254'), LOOPBACK],
    ['captured, IPv6', query('fdc4:f303:9324::254', 8000, {}, 'fdc4:f303:9324::254'), LOOPBACK],
    ['captured, with a name', query('host.docker.internal', 8000, {}, '192.168.65.254'), LOOPBACK],
    ['another port', query('host.docker.internal', 9000), undefined],
    ['a host program', query('host.docker.internal', 8000, { scope: 'host' }), undefined],
    ['loopback itself', query('127.0.0.1', 8000), undefined],
    ['a name that lies about its address', query('host.docker.internal', 8000, {}, '203.0.113.1'), undefined],
    ['the gateway', query('gateway.docker.internal', 8000), undefined],
  ]
  for (const [what, asked, dialled] of table) t.same(special(true).dialled(asked), dialled, what)
  t.equal(special(false).dialled(query('192.168.65.254', 8000)), undefined, 'nobody was told the address')
  t.same(special(false).dialled(query('192.168.65.254', 8000, {}, '192.168.65.254')), LOOPBACK, 'but captured')
})

t.test('what the router says', async (t) => {
  t.match(special(true).decide(query('host.docker.internal', 8000)), { decision: 'direct' })
  t.match(special(true).decide(query('host.docker.internal', 22)), { decision: 'reject' })
  t.match(special(true).decide(query('http.docker.internal', 3128)), { decision: 'reject' })
  t.equal(special(true).decide(query('example.test', 8000)), undefined)
})
