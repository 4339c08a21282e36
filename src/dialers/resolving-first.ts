import type { StreamDialer } from '../contracts/dialer.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { Resolver } from '../contracts/resolver.ts'
import type { Hop } from '../contracts/route.ts'
import type { Judge } from './direct.ts'
import { describeHop, failedHop } from './hop-error.ts'
import { judgedAddresses } from './judged-addresses.ts'

/**
 * Resolves names here before `through` sees them, for `socks4`, which has no names, and for hops with `?dns=local`. The address that is
 * sent is one that was judged. Only the first fit address is used, as curl does it: each more would cost a whole handshake.
 */
export function resolvingFirst(
  hop: Hop,
  through: StreamDialer,
  options: { readonly resolver: Resolver; readonly judge: Judge },
): StreamDialer {
  const families: readonly number[] = hop.kind === 'socks4' || hop.kind === 'socks4a' ? [4] : [4, 6]
  return {
    async dial(target, context) {
      if (target.family !== 0) return through.dial(target, context)
      const addresses = await judgedAddresses(target, context, options)
      const chosen = addresses.find((entry) => families.includes(entry.family))
      if (chosen === undefined) {
        throw new GatewayError(
          'ADDRESS_TYPE_NOT_SUPPORTED',
          `${describeHop(hop)} cannot carry ${target.host}: it has no IPv4 address`,
          {
            hop: failedHop(hop),
            hint: 'Use a socks5:// proxy for it.',
          },
        )
      }
      return through.dial({ host: chosen.address, family: chosen.family, port: target.port }, context)
    },
  }
}
