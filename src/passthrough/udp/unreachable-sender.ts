import { sendTo } from '../../system/linux/datagrams.ts'
import { close } from '../../system/linux/descriptors.ts'
import { socketAddress } from '../../system/linux/socket-address.ts'
import {
  AF_INET,
  AF_INET6,
  ICMP_FILTER,
  ICMP6_FILTER,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  MSG_DONTWAIT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_RAW,
} from '../../system/linux/socket-numbers.ts'
import { setSocketOption, socket } from '../../system/linux/sockets.ts'
import { encodePortUnreachable, type UdpEnds } from '../../wire/icmp-unreachable.ts'

/** Messages a second to one client, as systems limit theirs (RFC 1812 §4.3.2.8): one that floods a refused port learns it often enough. */
const PER_SECOND = 1_000
/** Everything that comes in is filtered out: of an ICMP socket a kernel hands every message of the host to. */
const NOTHING = new Uint8Array(32).fill(0xff)

/**
 * Tells clients "port unreachable" (ICMP), which their sockets report at once. Needs CAP_NET_RAW; without it, it does nothing. Each client has sockets
 * and a rate of its own, for the reason that `ReplySockets` gives.
 */
export class UnreachableSender {
  readonly #now: () => number
  /** By owner; the first is the one that was told nothing for longest. */
  readonly #tellers = new Map<string, Teller>()
  readonly #clients: number
  readonly works: boolean

  /** `now`: monotonic ms. `clients` whose sockets are kept open; the one that was told nothing for longest makes way. */
  constructor(now: () => number, clients: number) {
    this.#now = now
    this.#clients = clients
    const trial = new Teller(now())
    this.works = trial.works
    trial.close()
  }

  /** False when it could not be sent. `owner`: in whose name the client has its address. */
  tell(owner: string, family: 4 | 6, ends: UdpEnds): boolean {
    if (!this.works) return true
    const teller = this.#tellerOf(owner)
    // No descriptor was left for it: there may be one the next time.
    if (teller.works) return teller.tell(family, ends, this.#now())
    teller.close()
    this.#tellers.delete(owner)
    return false
  }

  close(): void {
    for (const teller of this.#tellers.values()) teller.close()
    this.#tellers.clear()
  }

  #tellerOf(owner: string): Teller {
    const teller = this.#tellers.get(owner) ?? new Teller(this.#now())
    this.#tellers.delete(owner)
    this.#tellers.set(owner, teller)
    for (const [oldest, its] of this.#tellers) {
      if (this.#tellers.size <= this.#clients) break
      this.#tellers.delete(oldest)
      its.close()
    }
    return teller
  }
}

/** The sockets and the rate of one client. */
class Teller {
  readonly #sockets = { 4: open(AF_INET, IPPROTO_ICMP), 6: open(AF_INET6, IPPROTO_ICMPV6) } as const
  #left = PER_SECOND
  #secondBegan: number

  constructor(now: number) {
    this.#secondBegan = now
  }

  get works(): boolean {
    return this.#sockets[4] >= 0
  }

  tell(family: 4 | 6, ends: UdpEnds, now: number): boolean {
    const fd = this.#sockets[family]
    if (fd < 0 || !this.#mayYet(now)) return true
    const message = encodePortUnreachable(family, ends)
    // The port of a raw socket's address must be 0.
    const to = socketAddress({ address: ends.client, port: 0 })
    return sendTo(fd, message, message.length, MSG_DONTWAIT, to, to.length) === message.length
  }

  close(): void {
    for (const fd of Object.values(this.#sockets)) if (fd >= 0) close(fd)
  }

  #mayYet(now: number): boolean {
    if (now - this.#secondBegan >= 1_000) {
      this.#secondBegan = now
      this.#left = PER_SECOND
    }
    this.#left -= 1
    return this.#left >= 0
  }
}

function open(domain: number, protocol: number): number {
  const fd = socket(domain, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol)
  if (fd < 0) return fd
  if (domain === AF_INET) setSocketOption(fd, SOL_RAW, ICMP_FILTER, NOTHING, 4)
  else setSocketOption(fd, IPPROTO_ICMPV6, ICMP6_FILTER, NOTHING, 32)
  return fd
}
