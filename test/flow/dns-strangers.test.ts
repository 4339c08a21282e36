import t from 'tap'
import { dnsQuery, seen } from '../fixtures/dns-messages.ts'
import { startTestGateway } from '../fixtures/gateway.ts'
import { udpPeer } from '../fixtures/udp.ts'
import { until } from '../fixtures/until.ts'
import { unusedPort } from '../fixtures/upstreams/listen.ts'

t.test(
  'who asks DNS from an address that `from` does not name gets no answer, and the log says whose it is',
  async (t) => {
    const [open, closed] = [await unusedPort(), await unusedPort()]
    const { lines } = await startTestGateway(t, {
      dns: { listen: [`127.0.0.1:${open}`, { address: `127.0.0.1:${closed}`, from: '172.17.0.0/16' }] },
      dnsInhibition: 'none',
    })
    const client = await udpPeer(t)
    const told = () => lines.filter(({ msg }) => msg.includes('dns.listen'))
    client.send(dnsQuery('a.test', 'A', { id: 1 }), { host: '127.0.0.1', port: closed })
    client.send(dnsQuery('a.test', 'A', { id: 2 }), { host: '127.0.0.1', port: closed })
    await until('the log says so', () => told().length > 0)
    client.send(dnsQuery('host.docker.internal', 'A', { id: 3 }), { host: '127.0.0.1', port: open })
    t.same(seen((await client.next()).data)?.answers, ['A 192.168.65.254'], 'the only answer is the other door’s')
    t.match(told(), [{ client: '127.0.0.1', door: `127.0.0.1:${closed}`, level: 40 }])
    t.equal(told().length, 1, 'once, however many ask')
  },
)
