import { createSocket } from 'node:dgram'
import dns from 'node:dns'
import type { ResolvedAddress } from '../contracts/resolver.ts'

/** `dns.lookup` with `all`, or a stand-in: both families, or one alone. Can't be cancelled, as getaddrinfo can't. */
export type Lookup = (name: string, family?: 4) => Promise<readonly ResolvedAddress[]>

export const systemLookup: Lookup = async (name, only) => {
  const found = await dns.promises.lookup(name, { all: true, verbatim: true, family: only ?? 0 })
  // With IPv6 alone (NAT64), where DNS has IPv4 for whoever can use it, only the whole answer leads somewhere.
  if (only === 4 && !(await hasRoute('udp4', found[0]?.address)) && (await hasRoute('udp6', SOME_IPV6))) return []
  return found.map(({ address, family }) => ({ address, family: family === 4 ? 4 : 6 }))
}

/** Any address that a default route leads to. Nothing is sent there. */
const SOME_IPV6 = '2001:4860:4860::8888'

/** Connecting a UDP socket sends nothing and makes the kernel look for a route. */
function hasRoute(type: 'udp4' | 'udp6', address: string | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    if (address === undefined) return resolve(false)
    const socket = createSocket(type)
    const finish = (found: boolean) => {
      socket.removeAllListeners()
      socket.on('error', () => {})
      socket.close()
      resolve(found)
    }
    socket.once('error', () => finish(false))
    socket.once('connect', () => finish(true))
    socket.connect(53, address)
  })
}
