import { congestionControl, setCongestionControl } from '../system/linux/congestion-control.ts'
import { readSocketAddress, SOCKET_ADDRESS_BYTES } from '../system/linux/socket-address.ts'
import { getSocketName } from '../system/linux/sockets.ts'
import { isLoopback } from '../wire/address.ts'

/** Those that send by a timer, at the rate that they believe the path has. */
const PACING = /^bbr/
/** What every Linux has and lets everybody use. */
const RENO = Buffer.from('reno')

/**
 * On a host whose TCP paces by default, the kernel sets a timer for each segment of 64 KiB, also on loopback, where there is no path to find out about:
 * that was a third of what moving bytes cost. Connections that cannot leave the host go without; all others have what the host has been given.
 */
export class LoopbackPacing {
  readonly #isDefault: (fd: number) => boolean
  #lifts: boolean | undefined

  /** `isDefault`: whether a socket that nobody has touched paces. */
  constructor(isDefault = (fd: number): boolean => PACING.test(congestionControl(fd))) {
    this.#isDefault = isDefault
  }

  /** For a listening socket, whatever address it has. */
  liftListening(fd: number): void {
    const bytes = new Uint8Array(SOCKET_ADDRESS_BYTES)
    if (getSocketName(fd, bytes, new Uint32Array([SOCKET_ADDRESS_BYTES])) < 0) return
    const address = readSocketAddress(bytes)?.address
    if (address && isLoopback(address)) this.lift(fd)
  }

  /** For one of a loopback address, or that is about to connect to one. */
  lift(fd: number): void {
    this.#lifts ??= this.#isDefault(fd)
    if (this.#lifts) setCongestionControl(fd, RENO)
  }
}
