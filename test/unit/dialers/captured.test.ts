import t from 'tap'
import { judgedAddresses } from '../../../src/dialers/judged-addresses.ts'
import { targetFromHost } from '../../../src/wire/target.ts'

// behaviour 8.4: the Host header was resolved instead of the dialled address.

t.test('of a captured connection exactly the dialled address is dialled, and judged', async (t) => {
  const target = targetFromHost('www.test', 443)
  const judged: string[] = []
  const addresses = await judgedAddresses(
    target,
    {
      signal: new AbortController().signal,
      query: {
        target,
        scheme: 'https',
        scope: 'containers',
        client: { local: false },
        captured: { dialled: targetFromHost('192.0.2.1', 443), nameSource: 'http-host' },
      },
    },
    {
      resolver: { resolve: () => t.fail('the name is looked up') as never },
      judge: (address) => void judged.push(address),
    },
  )
  t.same(addresses, [{ address: '192.0.2.1', family: 4 }])
  t.same(judged, ['192.0.2.1'])
})
