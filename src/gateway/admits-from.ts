import { BlockList } from 'node:net'
import type { Client } from '../contracts/route.ts'

/** Whether a client's address is in one of the blocks (`10.0.0.0/8`); everybody's is where there are none, and so is a UNIX socket's, which has none. */
export function admitsFrom(blocks: readonly string[]): (client: Client) => boolean {
  if (blocks.length === 0) return () => true
  const list = new BlockList()
  for (const block of blocks) {
    const [network, prefix] = block.split('/') as [string, string?]
    const type = network.includes(':') ? 'ipv6' : 'ipv4'
    list.addSubnet(network, prefix === undefined ? (type === 'ipv6' ? 128 : 32) : Number(prefix), type)
  }
  return ({ address, local }) =>
    address === undefined ? local : list.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
}
