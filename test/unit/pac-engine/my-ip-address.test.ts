import { test } from 'tap'
import { myAddresses } from '../../../src/pac-engine/my-addresses.ts'
import { ask, engineFor } from './engine-under-test.ts'

test('myIpAddress is the first IPv4 address, in whatever order they come; myIpAddressEx keeps it', async (t) => {
  const script = 'function FindProxyForURL() { return myIpAddress() + " of " + myIpAddressEx() }'
  for (const [mine, expected] of [
    [['2001:db8::7', '192.0.2.7', '192.0.2.8'], '192.0.2.7 of 2001:db8::7;192.0.2.7;192.0.2.8'],
    [['192.0.2.7', '2001:db8::7'], '192.0.2.7 of 192.0.2.7;2001:db8::7'],
    [['2001:db8::7', '2001:db8::8'], '2001:db8::7 of 2001:db8::7;2001:db8::8'],
    [[], '127.0.0.1 of '],
  ] as const) {
    t.equal(await ask(engineFor(t, script, { myAddresses: async () => [...mine] }), 'a'), expected)
  }
})

test('the machine’s addresses: the way to the internet, else the ways to private networks', async (t) => {
  const rows: [ways: Readonly<Record<string, string>>, expected: readonly string[]][] = [
    [{ '8.8.8.8': '192.0.2.7', '10.0.0.0': '10.20.1.5' }, ['192.0.2.7']],
    [{ '2001:4860:4860::8888': '2001:db8::7', '10.0.0.0': '10.20.1.5' }, ['2001:db8::7']],
    [{ '10.0.0.0': '10.20.1.5', '172.16.0.0': '10.20.1.5', 'fc00::': 'fd00::5' }, ['10.20.1.5', 'fd00::5']],
    [{ '8.8.8.8': '169.254.3.4', '192.168.0.0': '192.168.7.7' }, ['192.168.7.7']],
  ]
  for (const [ways, expected] of rows) {
    t.same(await myAddresses(async (_, destination) => ways[destination]), expected, JSON.stringify(ways))
  }
})
