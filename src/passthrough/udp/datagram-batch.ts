import { allocate, receiveMany } from '../../system/linux/datagrams.ts'
import { type Endpoint, readSocketAddress, SOCKET_ADDRESS_BYTES } from '../../system/linux/socket-address.ts'
import { IP_ORIGDSTADDR, IPV6_ORIGDSTADDR, MSG_DONTWAIT, SOL_IP, SOL_IPV6 } from '../../system/linux/socket-numbers.ts'

/** Datagrams taken from the kernel in one call. */
export const BATCH = 32
/** Bytes kept for one: more than UDP can carry, so nothing is ever cut. */
const DATA_BYTES = 65_536
/** struct mmsghdr: a msghdr of 56 bytes and the length received. */
const HEADER = {
  bytes: 64,
  name: 0,
  nameLength: 8,
  iov: 16,
  iovCount: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
  received: 56,
}
/** struct iovec. */
const IOV_BYTES = 16
/** Room for a sockaddr, and for one control message (16 bytes of header) with a sockaddr in it. */
const NAME_BYTES = 32
const CONTROL_BYTES = 64
const CONTROL_HEADER = { bytes: 16, level: 8, type: 12 }

export interface ReceivedDatagram {
  readonly client: Endpoint
  /** What the client has sent it to. */
  readonly far: Endpoint
  /** A view of memory that the next `receive` writes anew. */
  readonly data: Buffer
}

/** Reads datagrams together with the address they were sent to (IP_RECVORIGDSTADDR), many in one system call, into memory laid out once. */
export class DatagramBatch {
  readonly #memory = allocate(BATCH * (HEADER.bytes + IOV_BYTES + NAME_BYTES + CONTROL_BYTES + DATA_BYTES))
  readonly #iovs = BATCH * HEADER.bytes
  readonly #names = this.#iovs + BATCH * IOV_BYTES
  readonly #controls = this.#names + BATCH * NAME_BYTES
  readonly #datas = this.#controls + BATCH * CONTROL_BYTES

  constructor() {
    const { bytes, address } = this.#memory
    for (let place = 0; place < BATCH; place += 1) {
      const header = place * HEADER.bytes
      const iov = this.#iovs + place * IOV_BYTES
      bytes.writeBigUInt64LE(address + BigInt(this.#names + place * NAME_BYTES), header + HEADER.name)
      bytes.writeBigUInt64LE(address + BigInt(iov), header + HEADER.iov)
      bytes.writeBigUInt64LE(1n, header + HEADER.iovCount)
      bytes.writeBigUInt64LE(address + BigInt(this.#controls + place * CONTROL_BYTES), header + HEADER.control)
      bytes.writeBigUInt64LE(address + BigInt(this.#datas + place * DATA_BYTES), iov)
      bytes.writeBigUInt64LE(BigInt(DATA_BYTES), iov + 8)
    }
  }

  /** What waits at the socket, at most a batch; empty when nothing does. What came without a destination is left out. */
  receive(fd: number): ReceivedDatagram[] {
    const { bytes, address } = this.#memory
    for (let place = 0; place < BATCH; place += 1) {
      // The kernel writes the lengths it has used in their place.
      bytes.writeUInt32LE(SOCKET_ADDRESS_BYTES, place * HEADER.bytes + HEADER.nameLength)
      bytes.writeBigUInt64LE(BigInt(CONTROL_BYTES), place * HEADER.bytes + HEADER.controlLength)
    }
    const count = receiveMany(fd, address, BATCH, MSG_DONTWAIT, null)
    const datagrams: ReceivedDatagram[] = []
    for (let place = 0; place < count; place += 1) {
      const client = readSocketAddress(bytes, this.#names + place * NAME_BYTES)
      const far = this.#destination(place)
      const from = this.#datas + place * DATA_BYTES
      const length = bytes.readUInt32LE(place * HEADER.bytes + HEADER.received)
      if (client && far) datagrams.push({ client, far, data: bytes.subarray(from, from + length) })
    }
    return datagrams
  }

  /** The one control message that was asked for. */
  #destination(place: number): Endpoint | undefined {
    const { bytes } = this.#memory
    const at = this.#controls + place * CONTROL_BYTES
    if (bytes.readBigUInt64LE(place * HEADER.bytes + HEADER.controlLength) < BigInt(CONTROL_HEADER.bytes))
      return undefined
    const level = bytes.readUInt32LE(at + CONTROL_HEADER.level)
    const type = bytes.readUInt32LE(at + CONTROL_HEADER.type)
    const isIt = (level === SOL_IP && type === IP_ORIGDSTADDR) || (level === SOL_IPV6 && type === IPV6_ORIGDSTADDR)
    return isIt ? readSocketAddress(bytes, at + CONTROL_HEADER.bytes) : undefined
  }
}
