import type { Socket } from 'node:net'
import t from 'tap'
import type { StreamDialer } from '../../../src/contracts/dialer.ts'
import type { HopKind } from '../../../src/contracts/route.ts'
import { streamDialerContract } from '../../contract/stream-dialer.ts'
import { plainDuplex } from '../../fixtures/plain-duplex.ts'
import { startWay } from '../../fixtures/ways.ts'

/** Hops must not rely on what lies below being a net.Socket: here it is a Duplex without a handle. */
const WAYS: readonly (readonly HopKind[])[] = [['http'], ['https'], ['socks5'], ['https', 'https']]

const withoutHandle = (direct: StreamDialer): StreamDialer => ({
  dial: async (target, context) => plainDuplex((await direct.dial(target, context)) as Socket),
})

for (const kinds of WAYS) {
  t.test(`way out over a plain Duplex: ${kinds.join(' → ')}`, (t) => {
    streamDialerContract(t, () => startWay(kinds, {}, withoutHandle))
    t.end()
  })
}
