import { type ErrorCode, GatewayError } from '../contracts/gateway-error.ts'
import type { Hop } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import { GIVE_CREDENTIALS_HINT } from '../wire/proxy-refusal.ts'
import type { SocksRefusal } from '../wire/socks-reply.ts'
import { formatAuthority } from '../wire/target.ts'
import { describeHop, failedHop } from './hop-error.ts'
import type { SocksCommand } from './socks-package.ts'

interface Meaning {
  readonly code: ErrorCode
  readonly words: string
}

/** RFC 1928 §6. */
const SOCKS5_REPLIES: Readonly<Record<number, Meaning>> = {
  1: { code: 'PROXY_REFUSED', words: 'general failure' },
  2: { code: 'PROXY_REFUSED', words: 'not allowed by its rules' },
  3: { code: 'NETWORK_UNREACHABLE', words: 'network unreachable' },
  4: { code: 'HOST_UNREACHABLE', words: 'host unreachable' },
  5: { code: 'CONNECT_REFUSED', words: 'connection refused' },
  6: { code: 'HOST_UNREACHABLE', words: 'TTL expired' },
  7: { code: 'PROXY_REFUSED', words: 'COMMAND not supported' },
  8: { code: 'ADDRESS_TYPE_NOT_SUPPORTED', words: 'address type not supported' },
}

/** The SOCKS4 memo's CD values. 91 says everything from "not allowed" to "target down". */
const SOCKS4_REPLIES: Readonly<Record<number, Meaning>> = {
  91: { code: 'PROXY_REFUSED', words: 'rejected or failed' },
  92: { code: 'PROXY_AUTH_FAILED', words: 'no identd on the client' },
  93: { code: 'PROXY_AUTH_FAILED', words: 'identd does not confirm the user' },
}

const COMMAND_NAMES: Readonly<Record<SocksCommand, string>> = { connect: 'CONNECT', associate: 'UDP ASSOCIATE' }

/** What a SOCKS proxy's no means. `said` gives the code as well, for whoever reads the proxy's log beside ours. */
export function socksRefused(
  hop: Hop,
  target: Omit<Target, 'family'>,
  refusal: SocksRefusal,
  command: SocksCommand,
): GatewayError {
  if ('noMethod' in refusal) {
    const verb =
      hop.credentials === undefined ? 'asks for credentials' : 'takes neither a password nor anonymous clients'
    return new GatewayError('PROXY_AUTH_FAILED', `${describeHop(hop)} ${verb}`, {
      hop: failedHop(hop),
      said: 'no acceptable authentication method (0xFF)',
      hint:
        hop.credentials === undefined
          ? GIVE_CREDENTIALS_HINT
          : 'The proxy may want GSSAPI, which Fairlead does not speak.',
    })
  }
  if ('wrongPassword' in refusal) {
    return new GatewayError('PROXY_AUTH_FAILED', `${describeHop(hop)} does not accept the user name and password`, {
      hop: failedHop(hop),
      said: 'authentication failed',
      hint: 'Check the user name and the password.',
    })
  }
  const table = refusal.version === 4 ? SOCKS4_REPLIES : SOCKS5_REPLIES
  const meaning = table[refusal.reply] ?? { code: 'PROXY_REFUSED', words: 'unassigned code' }
  const { code, words } = { ...meaning, words: meaning.words.replace('COMMAND', COMMAND_NAMES[command]) }
  const wish = command === 'connect' ? `connect to ${formatAuthority(target)}` : 'carry UDP'
  return new GatewayError(code, `${describeHop(hop)} could not ${wish}: ${words}`, {
    hop: failedHop(hop),
    said: `reply ${refusal.reply} (${words})`,
    hint: 'The proxy works and said no; its log or its administrator can say why.',
  })
}
