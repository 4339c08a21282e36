import { sendTo } from '../../system/linux/datagrams.ts'
import { close } from '../../system/linux/descriptors.ts'
import { socketAddress } from '../../system/linux/socket-address.ts'
import {
  AF_INET,
  AF_INET6,
  IP_TRANSPARENT,
  IPV6_TRANSPARENT,
  MSG_DONTWAIT,
  SO_RCVBUF,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
} from '../../system/linux/socket-numbers.ts'
import { bind, setSocketOption, socket, switchOn } from '../../system/linux/sockets.ts'

/** Sockets kept open, each for one far side; the one unused for longest makes way. Opening one anew costs four system calls. */
export const MAX_REPLY_SOCKETS = 512

/** The smallest buffer there is: nothing should ever come in by these. */
const NO_BUFFER = new Uint8Array(Int32Array.of(0).buffer)

/** Sends replies from the address that the client has sent to, which is none of this machine's: by transparent sockets bound to it. */
export class ReplySockets {
  /** A Map keeps the order of insertion: the first is the one unused for longest. */
  readonly #open = new Map<string, number>()

  get size(): number {
    return this.#open.size
  }

  /** False when it could not be sent; a datagram may be lost. */
  send(from: { readonly address: string; readonly port: number }, to: Uint8Array, data: Uint8Array): boolean {
    const fd = this.#socketAt(from.address, from.port)
    return fd !== undefined && sendTo(fd, data, data.length, MSG_DONTWAIT, to, to.length) === data.length
  }

  close(): void {
    for (const fd of this.#open.values()) close(fd)
    this.#open.clear()
  }

  #socketAt(address: string, port: number): number | undefined {
    const key = `${address} ${port}`
    const known = this.#open.get(key)
    const fd = known ?? openAt(address, port)
    if (fd === undefined) return undefined
    this.#open.delete(key)
    this.#open.set(key, fd)
    if (this.#open.size > MAX_REPLY_SOCKETS) this.#closeOldest()
    return fd
  }

  #closeOldest(): void {
    const [oldest] = this.#open
    if (!oldest) return
    this.#open.delete(oldest[0])
    close(oldest[1])
  }
}

function openAt(address: string, port: number): number | undefined {
  const isIpv4 = !address.includes(':')
  const fd = socket(isIpv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  if (fd < 0) return undefined
  const place = socketAddress({ address, port })
  const isReady =
    (isIpv4 ? switchOn(fd, SOL_IP, IP_TRANSPARENT) : switchOn(fd, SOL_IPV6, IPV6_TRANSPARENT)) &&
    switchOn(fd, SOL_SOCKET, SO_REUSEADDR) &&
    setSocketOption(fd, SOL_SOCKET, SO_RCVBUF, NO_BUFFER, NO_BUFFER.length) === 0 &&
    bind(fd, place, place.length) === 0
  if (isReady) return fd
  close(fd)
  return undefined
}
