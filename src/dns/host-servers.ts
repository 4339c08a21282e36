import { getServers } from 'node:dns'
import { readFileSync } from 'node:fs'
import type { Clock } from '../contracts/clock.ts'
import type { DnsServerAddress } from './exchange.ts'

export interface HostServersOptions {
  readonly clock: Clock
  /** For tests; undefined where the system has no such file. */
  readonly read?: () => string | undefined
  /** Where we listen ourselves: asking there would go round in a circle. */
  readonly isOwn: (address: string, port: number) => boolean
}

/** Milliseconds for which the file is believed; a change of the network is followed as soon. */
const MAX_AGE_MS = 1000
/** resolv.conf(5) takes three; some systems write more. */
const MAX_SERVERS = 8

/** The DNS servers of the host, from /etc/resolv.conf, read again after a change. The same list object until they change. */
export function createHostServers({ clock, read = readResolvConf, isOwn }: HostServersOptions) {
  let known: { readonly servers: readonly DnsServerAddress[]; readonly key: string; readAt: number } | undefined
  return (): readonly DnsServerAddress[] => {
    const now = clock.monotonic()
    if (known && now - known.readAt < MAX_AGE_MS) return known.servers
    const text = read()
    const all = text === undefined ? systemServers() : nameserversIn(text)
    const servers = all.slice(0, MAX_SERVERS).filter(({ address, port }) => !isOwn(address, port))
    const key = JSON.stringify(servers)
    known = known?.key === key ? { ...known, readAt: now } : { servers, key, readAt: now }
    return known.servers
  }
}

/** resolv.conf(5). A zone stays with its link-local address. */
export function nameserversIn(text: string): DnsServerAddress[] {
  return [...text.matchAll(/^[ \t]*nameserver[ \t]+([0-9a-fA-F:.]+(?:%[\w.-]+)?)/gm)].map((match) => ({
    address: match[1]!,
    port: 53,
  }))
}

function readResolvConf(): string | undefined {
  if (process.platform === 'win32') return undefined
  try {
    return readFileSync('/etc/resolv.conf', 'utf8')
  } catch {
    return ''
  }
}

function systemServers(): DnsServerAddress[] {
  return getServers().map((server) => {
    const [, bracketed, port] = /^\[([^\]]+)\]:(\d+)$/.exec(server) ?? /^([0-9.]+):(\d+)$/.exec(server) ?? []
    return bracketed === undefined ? { address: server, port: 53 } : { address: bracketed, port: Number(port) }
  })
}
