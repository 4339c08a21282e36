import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { getThrough } from '../fixtures/clients.ts'
import { dnsResponse } from '../fixtures/dns-messages.ts'
import { fakeDnsServer } from '../fixtures/dns-server.ts'
import { startTestGateway } from '../fixtures/gateway.ts'
import { hostResolver } from '../fixtures/host-resolver.ts'

t.test(
  'a door for containers looks names up as their own DNS does, zones included; one for the host as the host does',
  async (t) => {
    const origin = createServer((_, response) => response.end('of the zone'))
    origin.listen(0, '127.0.0.1')
    await once(origin, 'listening')
    t.teardown(() => origin.close())
    const { port } = origin.address() as AddressInfo
    const dns = await fakeDnsServer(t, (query) => [
      dnsResponse(query, { answers: [{ type: 'A', name: 'app.corp', ttl: 9, data: '127.0.0.1' }] } as never),
    ])
    const settings = {
      dns: { zones: { corp: [`127.0.0.1:${dns.port}`] } },
      listen: { mixed: [{ address: '127.0.0.1:0', scope: 'containers' }, { address: '127.0.0.1:0' }] },
      access: { allow: ['127.0.0.0/8'] },
    }
    const { gateway } = await startTestGateway(t, settings, { resolver: hostResolver({}) })
    const [containers, host] = gateway.addresses.flatMap((address) => (address.kind === 'tcp' ? [address.port] : []))
    const url = `http://app.corp:${port}/`
    t.equal((await getThrough(containers!, url)).body, 'of the zone')
    t.equal((await getThrough(host!, url)).status, 502)
  },
)
