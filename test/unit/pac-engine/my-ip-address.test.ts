import { test } from 'tap'
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
