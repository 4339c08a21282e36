import { type Address, parseAddress } from './address.ts'
import { isDottedIpv4, parseIpv4 } from './ipv4.ts'
import { parseIpv6 } from './ipv6.ts'
import { TextError } from './text-error.ts'

/** A CIDR block (RFC 4632, RFC 4291 §2.3). A single address is the block with the longest prefix. */
export interface IpBlock {
  readonly family: 4 | 6
  /** Bits: 0–32 or 0–128. */
  readonly prefix: number
  /** The network's bits, for comparison only. Bits below the prefix do not count, so `10.1.2.3/8` is `10.0.0.0/8`. */
  readonly network: string
}

const BITS = { 4: 32, 6: 128 } as const
/** An IPv4-mapped block `::ffff:10.0.0.0/104` is the IPv4 block `10.0.0.0/8`. */
const MAPPED_PREFIX = 96

/** Reads `address/bits`. The address must be written in full: `10/8` would be 0.0.0.10 to one reader and 10.0.0.0 to the next. */
export function parseIpBlock(addressText: string, bitsText: string): IpBlock {
  const isMapped = addressText.includes(':')
  const address = isMapped || isDottedIpv4(addressText) ? parseAddress(addressText) : undefined
  if (!address)
    throw new TextError('this is not the address of a block', 0, 'a block such as 10.0.0.0/8 or 2001:db8::/32')
  const shift = isMapped && address.family === 4 ? MAPPED_PREFIX : 0
  const longest = BITS[address.family]
  const prefix = /^[0-9]{1,3}$/.test(bitsText) ? Number(bitsText) - shift : -1
  if (prefix < 0 || prefix > longest) {
    const range = `a prefix length from ${shift} to ${longest + shift}`
    throw new TextError('the prefix length is out of range', addressText.length + 1, range)
  }
  return { family: address.family, prefix, network: networkOf(bitGroups(address), prefix) }
}

export function blockOfAddress(address: Address): IpBlock {
  const prefix = BITS[address.family]
  return { family: address.family, prefix, network: networkOf(bitGroups(address), prefix) }
}

/** Values by block. A look-up costs one map access for each prefix length in use, however many blocks there are. */
export class IpBlockTable<T> {
  readonly #byPrefix = { 4: new Map<number, Map<string, T[]>>(), 6: new Map<number, Map<string, T[]>>() }

  add(block: IpBlock, value: T): void {
    const byPrefix = this.#byPrefix[block.family]
    const byNetwork = byPrefix.get(block.prefix) ?? new Map<string, T[]>()
    byPrefix.set(block.prefix, byNetwork)
    const values = byNetwork.get(block.network)
    if (values) values.push(value)
    else byNetwork.set(block.network, [value])
  }

  /** The values of every block that holds the address, list by list. */
  *lookup(address: Address): Generator<readonly T[]> {
    const byPrefix = this.#byPrefix[address.family]
    if (byPrefix.size === 0) return
    const groups = bitGroups(address)
    for (const [prefix, byNetwork] of byPrefix) {
      const values = byNetwork.get(networkOf(groups, prefix))
      if (values) yield values
    }
  }
}

/** Whether an address, as text, lies in one of these blocks (`192.0.2.0/24`). */
export function inBlocks(blocks: Iterable<string>): (address: string) => boolean {
  const table = new IpBlockTable<true>()
  for (const block of blocks) {
    const [at = '', bits = ''] = block.split('/')
    table.add(parseIpBlock(at, bits), true)
  }
  return (text) => {
    const address = parseAddress(text)
    return address !== undefined && !table.lookup(address).next().done
  }
}

/** The address in groups of 16 bits: two for IPv4, eight for IPv6. */
function bitGroups({ address, family }: Address): readonly number[] {
  if (family === 6) return parseIpv6(address)!
  const number = parseIpv4(address)!
  return [Math.floor(number / 0x10000), number % 0x10000]
}

function networkOf(groups: readonly number[], prefix: number): string {
  let network = ''
  for (let left = prefix, place = 0; left > 0; left -= 16, place++) {
    network += String.fromCharCode(groups[place]! & (left >= 16 ? 0xffff : 0xffff << (16 - left)))
  }
  return network
}
