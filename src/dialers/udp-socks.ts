import { Socket } from 'node:net'
import type { Conn } from '../contracts/conn.ts'
import type { StreamDialer } from '../contracts/dialer.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { Packet, PacketConn } from '../contracts/packet.ts'
import type { Hop } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import { isUnspecified, parseAddress } from '../wire/address.ts'
import { parseSocks5Address } from '../wire/socks5.ts'
import { encodeSocks5Datagram, parseSocks5Datagram } from '../wire/socks5-udp.ts'
import { formatAuthority } from '../wire/target.ts'
import { describeHop, failedHop } from './hop-error.ts'
import { askSocks, type SocksOptions } from './socks.ts'

/** The client does not know yet from where it will send: RFC 1928 §7 has zeros for that. */
const UNKNOWN = { host: '0.0.0.0', port: 0 }

/**
 * Datagrams through a SOCKS5 proxy (UDP ASSOCIATE, RFC 1928 §7): the control connection over the dialer that reaches the proxy, the datagrams over
 * the way that reaches its relay. Takes `inner` over: closes it with itself, or when the proxy says no. Rejects with `GatewayError` only.
 */
export async function overSocksAssociate(
  hop: Hop,
  /** No other proxy is before it. */
  isFirst: boolean,
  dialer: StreamDialer,
  inner: PacketConn,
  options: SocksOptions,
  signal: AbortSignal,
): Promise<PacketConn> {
  try {
    const { conn, reply } = await askSocks('associate', UNKNOWN, hop, dialer, options, signal)
    return new UdpThroughSocks(conn, inner, relayOf(hop, isFirst, reply, conn))
  } catch (thrown) {
    inner.close()
    throw thrown
  }
}

/** Where the proxy takes datagrams. Many say 0.0.0.0 and mean "where you have reached me". */
function relayOf(hop: Hop, isFirst: boolean, reply: Buffer, control: Conn): Target {
  const parsed = parseSocks5Address(reply, 3)
  const port = parsed?.value.port ?? 0
  const bound = parsed && parseAddress(parsed.value.host)
  if (!bound || port === 0) {
    control.destroy()
    throw new GatewayError('PROXY_PROTOCOL_ERROR', `${describeHop(hop)} did not say where to send datagrams`, {
      hop: failedHop(hop),
    })
  }
  if (!isUnspecified(bound.address)) return { host: bound.address, family: bound.family, port }
  // Of a direct control connection the very address that answered; through other proxies, what the proxy is called.
  const reached = control instanceof Socket ? parseAddress((control.remoteAddress ?? '').split('%', 1)[0]!) : undefined
  if (reached && isFirst) return { host: reached.address, family: reached.family, port }
  return { host: hop.host, family: hop.family, port }
}

class UdpThroughSocks implements PacketConn {
  readonly closed: Promise<void>
  readonly #inner: PacketConn
  readonly #control: Conn
  readonly #relay: Target
  /** Addresses sent to, by `host:port`, and names by their port: the proxy alone knows which address a name has. */
  readonly #asked = new Map<string, Target>()
  readonly #names = new Map<number, Map<string, Target>>()
  #receive: (packet: Packet) => void = () => {}

  constructor(control: Conn, inner: PacketConn, relay: Target) {
    this.#control = control
    this.#inner = inner
    this.#relay = relay
    inner.onPacket(({ data }) => this.#came(data))
    // The relay answers "unreachable", or its name is none: the association is over.
    inner.onRefused(() => this.close())
    this.closed = new Promise((resolve) => {
      control.once('close', () => {
        inner.close()
        resolve()
      })
    })
    void inner.closed.then(() => this.close())
    control.once('end', () => this.close())
    control.on('error', ignore)
    // The proxy has nothing more to say on it.
    control.on('data', ignore)
    control.resume()
  }

  onPacket(receive: (packet: Packet) => void): void {
    this.#receive = receive
  }

  /** SOCKS has no word for a far side that cannot be had: RFC 1928 §7 drops in silence. */
  onRefused(): void {}

  send({ peer, data }: Packet): void {
    const key = formatAuthority(peer)
    if (peer.family !== 0) this.#asked.set(key, peer)
    else this.#namesAt(peer.port).set(key, peer)
    this.#inner.send({ peer: this.#relay, data: encodeSocks5Datagram(peer, data) })
  }

  forget(peer: Target): void {
    const key = formatAuthority(peer)
    this.#asked.delete(key)
    const names = this.#names.get(peer.port)
    names?.delete(key)
    if (names?.size === 0) this.#names.delete(peer.port)
  }

  lost(): number {
    return this.#inner.lost()
  }

  close(): void {
    this.#control.destroy()
  }

  #came(bytes: Buffer): void {
    const read = parseSocks5Datagram(bytes)
    if (read.kind === 'dropped') return
    const { peer, data } = read
    // Of several names at one port it is the one asked for last: only for the count, the client is told the true source.
    const asked = this.#asked.get(formatAuthority(peer)) ?? [...(this.#names.get(peer.port)?.values() ?? [])].at(-1)
    if (asked) this.#receive({ peer, data, asked })
  }

  #namesAt(port: number): Map<string, Target> {
    const known = this.#names.get(port)
    if (known) return known
    const names = new Map<string, Target>()
    this.#names.set(port, names)
    return names
  }
}

function ignore(): void {}
