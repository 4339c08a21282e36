import { GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import type { Packet, PacketConn } from '../contracts/packet.ts'
import type { ResolvedAddress } from '../contracts/resolver.ts'
import type { RouteQuery } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import { formatAuthority } from '../wire/target.ts'
import { orderAddresses } from './address-order.ts'
import { type JudgedBy, judgedAddresses } from './judged-addresses.ts'

export type ResolvingOptions = JudgedBy

/** Datagrams that wait for a name to be resolved, per far side. */
const MAX_WAITING = 8

/** A far side while it is spoken to. */
interface FarSide {
  readonly asked: Target
  /** Who asks, and under which name; undefined: the gateway itself. */
  readonly query: RouteQuery | undefined
  /** Addresses that have passed, best first; undefined while the name is being resolved. */
  addresses: readonly ResolvedAddress[] | undefined
  readonly waiting: Buffer[]
  /** It is led to places where it may be (`leadsTo`), and none of them has answered yet. */
  isSought: boolean
  /** While it is sought: what was sent last. */
  unheard: Buffer | undefined
}

/**
 * Puts addresses in the place of names before `inner` sees them: a name is resolved once for as long as it is spoken to, every address is judged,
 * and only those that pass are sent to. `query` says who asks; without it the gateway sends on its own account, to a proxy's relay.
 */
export class ResolvingPackets implements PacketConn {
  readonly closed: Promise<void>
  readonly #inner: PacketConn
  readonly #options: ResolvingOptions
  readonly #query: RouteQuery | undefined
  /** By what was asked for. Bounded by whoever holds the conn, who forgets far sides. */
  readonly #farSides = new Map<string, FarSide>()
  /** By the address that is sent to. */
  readonly #sources = new Map<string, FarSide>()
  readonly #abort = new AbortController()
  #receive: (packet: Packet) => void = () => {}
  #refused: (peer: Target, error: GatewayError) => void = () => {}

  constructor(inner: PacketConn, options: ResolvingOptions, query: RouteQuery | undefined) {
    this.#inner = inner
    this.#options = options
    this.#query = query
    this.closed = inner.closed.then(() => {
      this.#abort.abort(new GatewayError('CLIENT_GONE', 'the way out for datagrams was closed'))
      this.#farSides.clear()
      this.#sources.clear()
    })
    inner.onPacket(({ peer, data }) => {
      const farSide = this.#sources.get(formatAuthority(peer))
      if (!farSide) return
      farSide.isSought = false
      farSide.unheard = undefined
      this.#receive({ peer, data, asked: farSide.asked })
    })
    inner.onRefused((peer, error) => this.#failed(peer, error))
  }

  onPacket(receive: (packet: Packet) => void): void {
    this.#receive = receive
  }

  onRefused(refused: (peer: Target, error: GatewayError) => void): void {
    this.#refused = refused
  }

  send({ peer, data, query }: Packet): void {
    if (this.#abort.signal.aborted) return
    const key = formatAuthority(peer)
    const known = this.#farSides.get(key)
    if (known?.addresses) {
      this.#pass(known, data)
      return
    }
    const farSide = known ?? this.#farSide(peer, query)
    if (farSide.waiting.length < MAX_WAITING) farSide.waiting.push(data)
    if (known) return
    this.#farSides.set(key, farSide)
    void this.#resolve(key, farSide)
  }

  forget(peer: Target): void {
    const key = formatAuthority(peer)
    const farSide = this.#farSides.get(key)
    if (!farSide) return
    this.#farSides.delete(key)
    this.#unlisten(farSide)
  }

  lost(): number {
    return this.#inner.lost()
  }

  close(): void {
    this.#inner.close()
  }

  async #resolve(key: string, farSide: FarSide): Promise<void> {
    const { signal } = this.#abort
    const { asked, query } = farSide
    try {
      const addresses = await judgedAddresses(asked, { signal, ...(query && { query }) }, this.#options)
      // Forgotten or closed meanwhile.
      if (this.#farSides.get(key) !== farSide) return
      farSide.addresses = orderAddresses(addresses)
      for (const data of farSide.waiting.splice(0)) this.#pass(farSide, data)
    } catch (thrown) {
      if (this.#farSides.get(key) === farSide) this.#refuse(farSide, toGatewayError(thrown))
    }
  }

  #farSide(asked: Target, known: RouteQuery | undefined): FarSide {
    const query = this.#query && (known ?? queryFor(asked, this.#query))
    const isSought = query !== undefined && this.#options.leadsTo?.(query) !== undefined
    return { asked, query, addresses: undefined, waiting: [], isSought, unheard: undefined }
  }

  /** Two names may have one address: replies are then those of the one that was sent to last. */
  #pass(farSide: FarSide, data: Buffer): void {
    const peer = addressOf(farSide)
    this.#sources.set(formatAuthority(peer), farSide)
    if (farSide.isSought) farSide.unheard = data
    this.#inner.send({ peer, data })
  }

  #failed(address: Target, error: GatewayError): void {
    const farSide = this.#sources.get(formatAuthority(address))
    if (!farSide) return
    const [, ...others] = farSide.addresses!
    const isWay = error.code === 'NETWORK_UNREACHABLE' || error.code === 'HOST_UNREACHABLE'
    if (!(isWay || farSide.isSought) || others.length === 0) {
      this.#refuse(farSide, error)
      return
    }
    // A name with an IPv6 address on a host without IPv6, or a service that is bound to one address only: the next one serves, from the next datagram on.
    this.#unlisten(farSide)
    farSide.addresses = others
    // Nobody has had this one, and its sender may have no other.
    if (farSide.unheard) this.#pass(farSide, farSide.unheard)
  }

  #refuse(farSide: FarSide, error: GatewayError): void {
    this.forget(farSide.asked)
    this.#refused(farSide.asked, error)
  }

  #unlisten(farSide: FarSide): void {
    if (!farSide.addresses) return
    const address = addressOf(farSide)
    if (this.#sources.get(formatAuthority(address)) !== farSide) return
    this.#sources.delete(formatAuthority(address))
    this.#inner.forget(address)
  }
}

/** For a far side of which nothing else is known: the query that the conn was opened for speaks of its first one; who asks is the same for all. */
function queryFor(asked: Target, { captured, ...query }: RouteQuery): RouteQuery {
  return { ...query, target: asked, ...(captured && { captured: { dialled: asked } }) }
}

function addressOf({ addresses, asked }: FarSide): Target {
  const { address, family } = addresses![0]!
  return { host: address, family, port: asked.port }
}
