import { networkInterfaces } from 'node:os'
import t from 'tap'
import { hears } from '../../../src/gateway/dns-hears.ts'

const OWN = new Set(['127.0.0.1', '127.0.0.53', '::1', '10.0.0.2', 'fd00::2'])

t.test('which servers are a door of ours', async (t) => {
  const rows: readonly [door: string, server: string, port: number, expected: boolean][] = [
    ['172.17.0.1', '172.17.0.1', 53, true],
    ['172.17.0.1', '172.17.0.1', 5353, false],
    ['172.17.0.1', '10.0.0.2', 53, false],
    ['0.0.0.0', '127.0.0.53', 53, true],
    ['0.0.0.0', '10.0.0.2', 53, true],
    ['0.0.0.0', '10.0.0.2', 5353, false],
    ['0.0.0.0', '10.0.0.1', 53, false],
    ['0.0.0.0', '192.0.2.53', 53, false],
    ['0.0.0.0', '::1', 53, false],
    ['::', '::1', 53, true],
    ['::', 'fd00::2', 53, true],
    ['::', 'fd00::1', 53, false],
    ['::', '127.0.0.1', 53, false],
  ]
  for (const [host, address, port, expected] of rows) {
    const isHeard = hears({ kind: 'tcp', host, port: 53 }, { address, port }, (one) => OWN.has(one))
    t.equal(isHeard, expected, `${host} port 53 hears what is asked of ${address} port ${port}`)
  }
})

t.test('the addresses of this machine itself', async (t) => {
  const everywhere = { kind: 'tcp', host: '0.0.0.0', port: 53 } as const
  const six = { ...everywhere, host: '::' }
  for (const address of ['127.0.0.1', '127.0.0.53', '0.0.0.0']) t.ok(hears(everywhere, { address, port: 53 }), address)
  for (const address of ['192.0.2.53', '203.0.113.1']) t.notOk(hears(everywhere, { address, port: 53 }), address)
  t.ok(hears(six, { address: '::1', port: 53 }))
  t.notOk(hears(six, { address: 'fe80::1234%no-such-cable', port: 53 }), 'of a cable that is not there')
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    for (const { address, family } of addresses.filter((one) => !/^fe[89ab]/i.test(one.address))) {
      t.ok(hears(family === 'IPv6' ? six : everywhere, { address, port: 53 }), `${address} of ${name}`)
    }
    for (const { address } of addresses.filter((one) => /^fe[89ab]/i.test(one.address))) {
      t.ok(hears(six, { address: `${address}%${name}`, port: 53 }), `${address}%${name}`)
    }
  }
})
