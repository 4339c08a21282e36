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

/** Messages a second, as systems limit theirs (RFC 1812 §4.3.2.8): a client that floods a refused port learns it often enough. */
const PER_SECOND = 1_000
/** Everything that comes in is filtered out: of an ICMP socket a kernel hands every message of the host to. */
const NOTHING = new Uint8Array(32).fill(0xff)

/** Tells clients "port unreachable" (ICMP), which their sockets report at once. Needs CAP_NET_RAW; without it, it does nothing. */
export class UnreachableSender {
  readonly #sockets: Readonly<Record<4 | 6, number>>
  readonly #now: () => number
  #left = PER_SECOND
  #secondBegan: number

  constructor(now: () => number) {
    this.#now = now
    this.#secondBegan = now()
    this.#sockets = { 4: open(AF_INET, IPPROTO_ICMP), 6: open(AF_INET6, IPPROTO_ICMPV6) }
  }

  get works(): boolean {
    return this.#sockets[4] >= 0
  }

  tell(family: 4 | 6, ends: UdpEnds): void {
    const fd = this.#sockets[family]
    if (fd < 0 || !this.#mayYet()) return
    const message = encodePortUnreachable(family, ends)
    // The port of a raw socket's address must be 0.
    const to = socketAddress({ address: ends.client, port: 0 })
    sendTo(fd, message, message.length, MSG_DONTWAIT, to, to.length)
  }

  close(): void {
    for (const fd of Object.values(this.#sockets)) if (fd >= 0) close(fd)
  }

  #mayYet(): boolean {
    if (this.#now() - this.#secondBegan >= 1_000) {
      this.#secondBegan = this.#now()
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
