import { BlockList, isIP } from 'node:net'
import type { ListenAddress } from '../../wire/listen-address.ts'
import { found } from './found.ts'
import { ValueError } from './value-error.ts'

/** What an address is to be, as somebody is told who has written none. */
interface Advice {
  readonly expected: string
  readonly port: number
  readonly mayBeSocket: boolean
}

const DOOR: Advice = {
  expected: 'ADDRESS:PORT such as 127.0.0.1:3128 or [::1]:3128, a port, or unix:/path/to/socket',
  port: 3128,
  mayBeSocket: true,
}
const DNS_DOOR: Advice = {
  expected: 'ADDRESS:PORT such as 127.0.0.1:53 or [::1]:53, or a port',
  port: 53,
  mayBeSocket: false,
}

/** `127.0.0.1:3128`, `[::1]:3128`, `localhost:3128`, a port alone (on 127.0.0.1), `unix:/path`. Port 0 means any free port. */
export function parseListenAddress(value: unknown, advice = DOOR): ListenAddress {
  const { expected } = advice
  if (typeof value === 'number') return { kind: 'tcp', host: '127.0.0.1', port: parsePort(value, String(value)) }
  if (typeof value !== 'string') throw new ValueError(`${found(value)} is not a listening address`, { expected })
  if (value.startsWith('unix:')) return unixAddress(value.slice('unix:'.length))
  if (/^\d+$/.test(value)) return { kind: 'tcp', host: '127.0.0.1', port: parsePort(Number(value), value) }
  const [, bracketed, bare, port] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,6})$/.exec(value) ?? []
  if (port === undefined)
    throw new ValueError(`${found(value)} is not a listening address`, { expected, ...hintFor(value, advice) })
  const host = bracketed ?? bare ?? ''
  if (host.toLowerCase() === 'localhost') return { kind: 'tcp', host: '127.0.0.1', port: parsePort(Number(port), port) }
  if (bracketed !== undefined ? isIP(host) !== 6 || host.includes('%') : isIP(host) !== 4) {
    throw new ValueError(`${found(host)} is not an address of this machine`, { expected, ...hintFor(value, advice) })
  }
  return { kind: 'tcp', host: host.toLowerCase(), port: parsePort(Number(port), port) }
}

/** The same of a door at which DNS is spoken. */
export function parseDnsListenAddress(value: unknown): ListenAddress {
  return parseListenAddress(value, DNS_DOOR)
}

/** Whether only programs on this machine can reach it. */
export function isLocalOnly(address: ListenAddress): boolean {
  return address.kind === 'unix' || loopback.check(address.host, address.host.includes(':') ? 'ipv6' : 'ipv4')
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Bytes of a UNIX socket's path that the kernel takes: sun_path is 108 on Linux and 104 on macOS, with its closing NUL. */
const MAX_SOCKET_PATH = 103

/** Only the gateway's own user may connect. */
const SOCKET_MODE = 0o600

function unixAddress(path: string): ListenAddress {
  if (path === '') throw new ValueError('a UNIX socket needs a path', { expected: 'unix:/path/to/socket' })
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
    throw new ValueError('the path of the UNIX socket is too long', { expected: `at most ${MAX_SOCKET_PATH} bytes` })
  }
  return { kind: 'unix', path, mode: SOCKET_MODE }
}

function parsePort(port: number, text: string): number {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new ValueError(`${text} is not a port`, { expected: 'a port from 0 to 65535 (0: any free port)' })
}

function hintFor(value: string, { port: usual, mayBeSocket }: Advice): { hint?: string } {
  if (/^(\*|):\d+$/.test(value)) {
    return {
      hint: `For all addresses of this machine write 0.0.0.0${value.replace('*', '')} or "[::]${value.replace('*', '')}".`,
    }
  }
  if (isIP(value) === 4) return { hint: `Add a port: ${value}:${usual}.` }
  if (isIP(value) === 6) return { hint: `Write IPv6 in brackets and with a port: "[${value}]:${usual}".` }
  const [, v6, port] = /^([0-9a-f:]*:[0-9a-f:]*:[0-9a-f:]*):(\d+)$/i.exec(value) ?? []
  if (v6 !== undefined && isIP(v6) === 6) return { hint: `Write IPv6 in brackets: "[${v6}]:${port}".` }
  if (/^https?:\/\//.test(value)) return { hint: 'Leave the scheme out; for TLS use listen.tls.' }
  if (mayBeSocket && value.startsWith('/')) return { hint: `For a UNIX socket write unix:${value}.` }
  return { hint: 'Names other than localhost are not looked up here; write the address.' }
}
