import type { StreamDialer } from '../contracts/dialer.ts'
import type { Hop } from '../contracts/route.ts'
import { type HttpConnectOptions, overHttpConnect } from './http-connect.ts'
import { resolvingFirst } from './resolving-first.ts'
import { overSocks, type SocksOptions } from './socks.ts'
import { overTls, type TlsOptions } from './tls.ts'

export type HopOptions = HttpConnectOptions & SocksOptions & TlsOptions & Parameters<typeof resolvingFirst>[2]

/** The dialer that leaves through `hops`, nearest first, over the one that opens the host's own sockets. */
export function chain(hops: readonly Hop[], direct: StreamDialer, options: HopOptions): StreamDialer {
  return hops.reduce((inner, hop) => overHop(hop, inner, options), direct)
}

/** What reaches the proxy itself, ready to be spoken HTTP with: inside TLS where its kind says so. */
export function toProxy(hop: Hop, inner: StreamDialer, options: HopOptions): StreamDialer {
  return hop.kind === 'https' ? overTls(hop, inner, options) : inner
}

function overHop(hop: Hop, inner: StreamDialer, options: HopOptions): StreamDialer {
  const http = hop.kind === 'http' || hop.kind === 'https'
  const through = http ? overHttpConnect(hop, toProxy(hop, inner, options), options) : overSocks(hop, inner, options)
  return hop.resolveLocally || hop.kind === 'socks4' ? resolvingFirst(hop, through, options) : through
}
