import type { WrittenSettings } from '../schema.ts'
import type { UdpRule, UdpSettings } from '../settings.ts'
import type { ResolveContext } from './context.ts'
import type { Upstreams } from './upstreams.ts'

type Written = WrittenSettings['udp']

/** Words that beat an upstream of the same name. */
const KEYWORDS = ['auto', 'direct', 'deny'] as const

export async function resolveUdp(
  written: Written,
  upstreams: Upstreams,
  context: ResolveContext,
): Promise<UdpSettings> {
  const rule = async (scope: 'host' | 'containers'): Promise<UdpRule> => {
    const chain = written[scope]
    const path = ['udp', scope]
    const url = chain.length === 1 ? chain[0]!.url : undefined
    const word = url?.kind === 'name' ? KEYWORDS.find((keyword) => keyword === url.name) : undefined
    if (word) return { kind: word }
    if (chain.length === 0)
      context.problem(path, { message: 'the chain is empty', expected: 'auto, direct, deny or an upstream' })
    const hops = await upstreams.chain(chain, path)
    const deaf = hops.find(({ kind }) => kind !== 'socks5' && kind !== 'socks5h')
    if (deaf) {
      context.problem(path, {
        message: `the ${deaf.kind} proxy ${deaf.host} carries no UDP`,
        expected: 'socks5:// or socks5h:// for every hop',
        hint: 'Only SOCKS5 knows UDP (UDP ASSOCIATE, RFC 1928).',
      })
    }
    return { kind: 'chain', hops }
  }
  return { host: await rule('host'), containers: await rule('containers'), quic: written.quic }
}
