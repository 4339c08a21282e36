import { fixedMemory } from './fixed-memory.ts'
import { errno, libc } from './libc.ts'
import { readSocketAddress, SOCKET_ADDRESS_BYTES } from './socket-address.ts'
import { AF_INET, AF_INET6 } from './socket-numbers.ts'

/** An address that this machine has. */
export interface InterfaceAddress {
  /** Of the interface: `eth0`. */
  readonly device: string
  /** Canonical, without a zone. */
  readonly address: string
  /** Of the network that it is in: the prefix length. */
  readonly bits: number
}

/** int getifaddrs(struct ifaddrs **list) */
const getList: (list: BigUint64Array) => number = libc.func('int getifaddrs(void *)')
/** void freeifaddrs(struct ifaddrs *list) */
const freeList: (list: bigint) => void = libc.func('void freeifaddrs(uintptr_t)')
/** void *memcpy(void *to, const void *from, size_t bytes) */
const copy: (to: number, from: bigint, bytes: number) => void = libc.func('void memcpy(uintptr_t, uintptr_t, size_t)')
/** char *strncpy(char *to, const char *from, size_t bytes): to its end, and zeros behind it. */
const copyText: (to: number, from: bigint, bytes: number) => void = libc.func(
  'void strncpy(uintptr_t, uintptr_t, size_t)',
)

/** struct ifaddrs (ifaddrs.h), glibc's and musl's: words of 8 bytes, of which these are wanted. */
const [NEXT, NAME, ADDRESS, MASK] = [0, 1, 3, 4] as const
const WORDS = 5
/** IFNAMSIZ (net/if.h), with the zero at the end. */
const NAME_BYTES = 16
/** Bytes of a struct sockaddr_in; the memory of an entry may end there. */
const IPV4_BYTES = 16

/** What is looked at is copied here: the list is the C library's, and is given back. */
const memory = fixedMemory(WORDS * 8)
const words = new BigUint64Array(memory.bytes.buffer, memory.bytes.byteOffset, WORDS)
/** Of a struct sockaddr there. */
const family = new Uint16Array(words.buffer, words.byteOffset, 1)

/** All addresses of all interfaces, whatever state these are in. */
export function listInterfaceAddresses(): InterfaceAddress[] {
  const list = new BigUint64Array(1)
  if (getList(list) !== 0) throw new Error(`the interfaces’ addresses cannot be read (errno ${errno()})`)
  try {
    const found: InterfaceAddress[] = []
    for (let entry = list[0]!; entry !== 0n; ) {
      copy(memory.address, entry, WORDS * 8)
      const [name, at, mask] = [words[NAME]!, words[ADDRESS]!, words[MASK]!]
      entry = words[NEXT]!
      const address = addressAt(at)
      if (address === undefined) continue
      const longest = address.includes(':') ? 128 : 32
      const bits = addressAt(mask) === undefined ? longest : Math.min(longest, onesOfAddress())
      found.push({ device: textAt(name), address, bits })
    }
    return found
  } finally {
    freeList(list[0]!)
  }
}

/** Of a struct sockaddr, which stands in `memory` then; undefined for none, and for other families': each link has an entry. */
function addressAt(at: bigint): string | undefined {
  if (at === 0n) return undefined
  copy(memory.address, at, IPV4_BYTES)
  if (family[0] === AF_INET6) copy(memory.address, at, SOCKET_ADDRESS_BYTES)
  return readSocketAddress(memory.bytes)?.address
}

/** A mask has the form of an address. */
function onesOfAddress(): number {
  const bytes = family[0] === AF_INET ? memory.bytes.subarray(4, 8) : memory.bytes.subarray(8, 24)
  return bytes.reduce((sum, byte) => sum + (byte.toString(2).match(/1/g)?.length ?? 0), 0)
}

function textAt(at: bigint): string {
  copyText(memory.address, at, NAME_BYTES)
  const end = memory.bytes.indexOf(0)
  return Buffer.from(memory.bytes.subarray(0, end)).toString()
}
