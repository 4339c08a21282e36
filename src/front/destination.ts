import { SOCKET_ADDRESS_BYTES, writeSocketAddress } from '../system/linux/socket-address.ts'
import { AF_INET, AF_INET6 } from '../system/linux/socket-numbers.ts'
import { isLoopback } from '../wire/address.ts'

/** Where to connect to, as the kernel wants it. Most clients go where the one before went, so what was written is kept. */
export class Destination {
  readonly bytes = new Uint8Array(SOCKET_ADDRESS_BYTES)
  /** Of `bytes`, those in use. */
  length = 0
  family = AF_INET
  isLoopback = false
  #address = ''
  #port = 0

  /** `address`: in canonical text. */
  set(address: string, port: number): void {
    if (address === this.#address && port === this.#port) return
    this.#address = address
    this.#port = port
    this.length = writeSocketAddress(this.bytes, { address, port })
    this.family = address.includes(':') ? AF_INET6 : AF_INET
    this.isLoopback = isLoopback(address)
  }
}
