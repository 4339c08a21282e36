import { GatewayError } from '../contracts/gateway-error.ts'
import type { Resolver } from '../contracts/resolver.ts'
import { RCODE } from '../wire/dns/numbers.ts'
import type { LocalAnswer } from '../wire/dns/reply.ts'

/** libuv's errors of getaddrinfo, which Node tells apart in `errno` alone: a name that exists and has no address, and one that does not exist. */
const UV_EAI_NODATA = -3007

/**
 * A and AAAA by the host's own resolver. getaddrinfo gives both families at once and no TTL, so `ttl` seconds are given. A name that exists but has
 * no address of the family is NODATA, one that does not exist NXDOMAIN. Rejects where the resolver failed to find out.
 */
export async function hostAnswer(
  name: string,
  resolver: Resolver,
  ttl: number,
  signal: AbortSignal,
  client: string,
): Promise<{ readonly A: LocalAnswer; readonly AAAA: LocalAnswer }> {
  try {
    const addresses = await resolver.resolve(name, signal, { client })
    const records = (type: 'A' | 'AAAA', family: 4 | 6) => {
      const found = new Set(addresses.filter((one) => one.family === family).map((one) => withoutZone(one.address)))
      return { rcode: RCODE.NOERROR, records: [...found].slice(0, MAX_RECORDS).map((data) => ({ type, ttl, data })) }
    }
    return { A: records('A', 4), AAAA: records('AAAA', 6) }
  } catch (thrown) {
    const rcode = negativeOf(thrown)
    if (rcode === undefined) throw thrown
    const none = { rcode, records: [] }
    return { A: none, AAAA: none }
  }
}

/** Records of one answer: bounds what a hosts file can make us send. */
const MAX_RECORDS = 256

function withoutZone(address: string): string {
  return address.split('%', 1)[0]!
}

function negativeOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof GatewayError) || thrown.code !== 'RESOLVE_FAILED') return undefined
  const cause = thrown.cause as NodeJS.ErrnoException | undefined
  // Without a cause it was an answer without addresses.
  if (cause === undefined) return RCODE.NOERROR
  if (cause.errno === UV_EAI_NODATA || cause.code === 'ENODATA') return RCODE.NOERROR
  return cause.code === 'ENOTFOUND' ? RCODE.NXDOMAIN : undefined
}
