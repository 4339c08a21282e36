import { getEventListeners, once } from 'node:events'
import type { Socket } from 'node:net'
import type { Test } from 'tap'
import type { Relay, RelayResult } from '../../src/contracts/relay.ts'
import { tcpPair } from '../fixtures/socket-pair.ts'
import { failure, rest } from './far-ends.ts'
import { NO_LIMITS, type Running, type TunnelLimits, tunnelContract } from './tunnel.ts'

export type MakeRelay = (limits: TunnelLimits) => Promise<{ relay: Relay; close(): Promise<void> }>

/** What every relay does between plain TCP sockets: what every tunnel does, and what its two Conns may be like at the hand-over. */
export function relayContract(t: Test, make: MakeRelay): void {
  tunnelContract(t, async (limits) => {
    const { relay, close } = await make(limits)
    return { open: () => tunnelOf(relay), close }
  })

  let made: ReturnType<MakeRelay> | undefined
  t.teardown(async () => (await made)?.close())
  const scene = (name: string, body: (t: Test, relay: Relay) => Promise<void>) =>
    t.test(name, async (t) => {
      made ??= make(NO_LIMITS)
      await body(t, (await made).relay)
    })

  scene('bytes that were put back or had already arrived come first', async (t, relay) => {
    const { client, origin, result } = await tunnelOf(relay, async (near, upstream) => {
      near.unshift(Buffer.from('early '))
      upstream.unshift(Buffer.from('banner '))
    })
    client.end('later')
    origin.end('and more')
    const [atOrigin, atClient] = await Promise.all([rest(origin), rest(client)])
    t.equal(atOrigin, 'early later')
    t.equal(atClient, 'banner and more')
    t.match(await result, { bytesUp: 11, bytesDown: 15, ended: 'finished' })
  })

  scene('a side that had been read to its end before', async (t, relay) => {
    const [a, b] = await Promise.all([tcpPair(), tcpPair()])
    a.far.end()
    a.near.resume()
    await once(a.near, 'end')
    const result = relay(a.near, b.near, new AbortController().signal)
    t.equal(await rest(b.far), '', 'its end is passed on')
    b.far.end('the late reply')
    t.equal(await rest(a.far), 'the late reply')
    t.match(await result, { bytesUp: 0, bytesDown: 14, ended: 'finished' })
  })

  scene('a side that was destroyed before', async (t, relay) => {
    const { origin, result } = await tunnelOf(relay, async (near) => {
      near.destroy()
      await once(near, 'close')
    })
    t.equal(await failure(origin), 'ECONNRESET')
    t.match(await result, { ended: 'client-reset' })
  })

  scene('a signal that was aborted before', async (t, relay) => {
    const [a, b] = await Promise.all([tcpPair(), tcpPair()])
    const result = relay(a.near, b.near, AbortSignal.abort())
    t.same(await Promise.all([failure(a.far), failure(b.far)]), ['ECONNRESET', 'ECONNRESET'])
    t.equal((await result).ended, 'aborted')
  })
}

/** A tunnel by a relay, between two sockets of this process each. */
export async function tunnelOf(
  relay: Relay,
  prepare?: (near: Socket, upstream: Socket) => void | Promise<void>,
): Promise<Running> {
  const [a, b] = await Promise.all([tcpPair(), tcpPair()])
  await prepare?.(a.near, b.near)
  const abort = new AbortController()
  const counts = { bytesUp: 0, bytesDown: 0 }
  const left = (result: RelayResult) => {
    if (!a.near.closed || !b.near.closed) throw new Error('a Conn is open when it resolves')
    if (getEventListeners(abort.signal, 'abort').length > 0) throw new Error('a listener is left on the signal')
    return result
  }
  const result = relay(a.near, b.near, abort.signal, counts).then(left)
  return { client: a.far, origin: b.far, result, counts, abort: () => abort.abort(), abortsAlone: true }
}
