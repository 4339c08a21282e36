import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { askUdp, ExchangeError } from '../../../src/dns/exchange.ts'

t.test('no way to the server: said, and nothing worse', async (t) => {
  // Nobody may connect to the broadcast address (ip(7)): fails at once, as where the machine has no route to its DNS server.
  const server = { address: '255.255.255.255', port: 53 }
  const options = { clock: systemClock, limitMs: 5_000, signal: new AbortController().signal }
  const asked = askUdp(server, Buffer.alloc(12), options)
  await t.rejects(asked, new ExchangeError('EACCES'))
})
