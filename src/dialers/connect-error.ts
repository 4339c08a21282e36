import type { FailedConnect } from '../contracts/dialer.ts'
import { type ErrorCode, GatewayError } from '../contracts/gateway-error.ts'
import type { Target } from '../contracts/target.ts'
import { formatAuthority } from '../wire/target.ts'
import { failedTarget } from './hop-error.ts'

/** Addresses named in a message; the rest are counted. */
const ADDRESSES_SHOWN = 4

interface Meaning {
  readonly code: ErrorCode
  /** Completes "registry.example:443 …". */
  readonly words: string
  readonly hint?: string
}

const RESET: Meaning = { code: 'CONNECT_RESET', words: 'reset the connection' }
const UNREACHABLE: Meaning = {
  code: 'HOST_UNREACHABLE',
  words: 'is unreachable',
  hint: 'Check the route to that host.',
}
const FORBIDDEN: Meaning = {
  code: 'HOST_UNREACHABLE',
  words: 'cannot be reached: a firewall forbids it',
  hint: 'Check the rules of this machine’s firewall and of those on the way.',
}
const NO_INTERFACE: Meaning = {
  code: 'NETWORK_UNREACHABLE',
  words: 'lies behind a network interface that is down or gone',
}
const NO_DESCRIPTOR: Meaning = {
  code: 'LIMIT_REACHED',
  words: 'cannot be dialled: this process has no file descriptor left',
  hint: 'Raise the file-descriptor limit (ulimit -n).',
}
const NO_MEMORY: Meaning = { code: 'LIMIT_REACHED', words: 'cannot be dialled: the system has no memory left for it' }

/** How Linux ends a connect(2) over IP: by itself (ip(7), tcp(7), rtnetlink's kinds of routes), and for what ICMP tells it (`icmp_err_convert`). */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: {
    code: 'CONNECT_REFUSED',
    words: 'refused the connection',
    hint: 'Check that it is running and that the port is right.',
  },
  ENOPROTOOPT: { code: 'CONNECT_REFUSED', words: 'refused the connection: it takes no TCP' },
  // Of a server that ends: it stood already, and the reset came before this process looked.
  ECONNRESET: RESET,
  ECONNABORTED: { code: 'CONNECT_RESET', words: 'aborted the connection' },
  EPIPE: { code: 'CONNECT_RESET', words: 'closed the connection' },
  ETIMEDOUT: {
    code: 'CONNECT_TIMEOUT',
    words: 'did not answer',
    hint: 'A firewall may be dropping the packets; check the VPN and the route.',
  },
  EHOSTUNREACH: UNREACHABLE,
  ENONET: UNREACHABLE,
  EPROTO: UNREACHABLE,
  EHOSTDOWN: { code: 'HOST_UNREACHABLE', words: 'is down' },
  // A `prohibit` route, a rule of this machine's, or ICMPv6 "administratively prohibited"; of ICMPv4's, Linux makes EHOSTUNREACH.
  EACCES: FORBIDDEN,
  EPERM: FORBIDDEN,
  ENETUNREACH: {
    code: 'NETWORK_UNREACHABLE',
    words: 'lies in a network that is unreachable',
    hint: 'Check the network connection and the VPN.',
  },
  ENETDOWN: NO_INTERFACE,
  ENODEV: NO_INTERFACE,
  ENXIO: NO_INTERFACE,
  ENETRESET: { code: 'NETWORK_UNREACHABLE', words: 'lies in a network that has been reset' },
  EINVAL: {
    code: 'NETWORK_UNREACHABLE',
    words: 'cannot be dialled: a blackhole route leads there, or none that names an interface',
    hint: 'Look at `ip route get`; some VPNs put such routes beside their own.',
  },
  EADDRNOTAVAIL: {
    code: 'NETWORK_UNREACHABLE',
    words: 'cannot be dialled: this machine has no address to send from, or no port left',
  },
  EAFNOSUPPORT: {
    code: 'NETWORK_UNREACHABLE',
    words: 'cannot be dialled: this machine does not speak that family of IP',
  },
  EMFILE: NO_DESCRIPTOR,
  ENFILE: { code: 'LIMIT_REACHED', words: 'cannot be dialled: the system has no file descriptor left' },
  ENOBUFS: NO_MEMORY,
  ENOMEM: NO_MEMORY,
  EAGAIN: NO_MEMORY,
}

/** With several addresses the most telling failure speaks for all: an answer before a silence, a silence before a missing route. */
const MOST_TELLING: readonly ErrorCode[] = [
  'LIMIT_REACHED',
  'CONNECT_REFUSED',
  'CONNECT_RESET',
  'CONNECT_TIMEOUT',
  'HOST_UNREACHABLE',
  'CONNECT_FAILED',
  'NETWORK_UNREACHABLE',
]

/**
 * One error for a target none of whose addresses could be connected to. `leftOut`: why another of its addresses was not dialled, which may be the
 * very one that was meant.
 */
export function connectError(target: Target, failures: readonly FailedConnect[], leftOut?: GatewayError): GatewayError {
  const meanings = failures.map(({ error }) => meaningOf(error))
  const best =
    MOST_TELLING.map((code) => meanings.findIndex((meaning) => meaning.code === code)).find((at) => at >= 0) ?? 0
  const { code, words, hint } = meanings[best] ?? meaningOf(undefined)
  return new GatewayError(
    code,
    `${formatAuthority(target)} ${words}${tried(
      target,
      failures.map((one) => one.address),
      leftOut,
    )}`,
    {
      hop: failedTarget(target),
      ...((leftOut?.hint ?? hint) !== undefined && { hint: leftOut?.hint ?? hint! }),
      ...(failures[best] && { cause: failures[best].error }),
    },
  )
}

/** The deadline came while connects were under way. */
export function connectTimeout(target: Target, addresses: readonly string[], cause: unknown): GatewayError {
  return new GatewayError(
    'CONNECT_TIMEOUT',
    `${formatAuthority(target)} did not answer in time${tried(target, addresses)}`,
    {
      hop: failedTarget(target),
      ...(MEANINGS['ETIMEDOUT']?.hint !== undefined && { hint: MEANINGS['ETIMEDOUT'].hint }),
      cause,
    },
  )
}

function meaningOf(error: NodeJS.ErrnoException | undefined): Meaning {
  const code = error?.code ?? 'unknown error'
  return MEANINGS[code] ?? { code: 'CONNECT_FAILED', words: `cannot be dialled (${code})` }
}

function tried(target: Target, addresses: readonly string[], leftOut?: GatewayError): string {
  const more = addresses.length - ADDRESSES_SHOWN
  const shown = `tried ${addresses.slice(0, ADDRESSES_SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  // Of an address it goes without saying, unless it leads elsewhere.
  const goesWithoutSaying = addresses.length === 0 || (target.family !== 0 && !leftOut)
  const notes = [...(goesWithoutSaying ? [] : [shown]), ...(leftOut ? [`left out: ${leftOut.message}`] : [])]
  return notes.length === 0 ? '' : ` (${notes.join('; ')})`
}
