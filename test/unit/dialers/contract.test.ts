import t from 'tap'
import type { HopKind } from '../../../src/contracts/route.ts'
import { streamDialerContract } from '../../contract/stream-dialer.ts'
import { startWay } from '../../fixtures/ways.ts'

/** Every kind of hop alone, then mixed chains, which are where layers get in each other's way. */
const WAYS: readonly (readonly HopKind[])[] = [
  [],
  ['http'],
  ['https'],
  ['socks4'],
  ['socks4a'],
  ['socks5'],
  ['http', 'socks5'],
  ['socks5', 'https'],
  ['https', 'https'],
  ['https', 'socks4a'],
  ['socks5h', 'http', 'https'],
  ['https', 'socks5', 'http'],
  ['https', 'https', 'https'],
]

for (const kinds of WAYS) {
  t.test(`way out: ${kinds.join(' → ') || 'direct'}`, (t) => {
    streamDialerContract(t, () => startWay(kinds))
    t.end()
  })
}
