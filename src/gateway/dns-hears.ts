import type { TcpAddress } from '../dns/dns-door.ts'
import type { DnsServerAddress } from '../dns/exchange.ts'
import { interfaceAddresses } from '../system/interface-addresses.ts'
import { isLoopback, isUnspecified, parseAddress } from '../wire/address.ts'

/** Whether what is asked of this server comes to the door. One at every address of a family hears what is sent to this machine, and nothing else. */
export function hears(door: TcpAddress, { address, port }: DnsServerAddress, isOurs = isOfThisMachine): boolean {
  if (door.port !== port) return false
  if (door.host === address) return true
  return isUnspecified(door.host) && door.host.includes(':') === address.includes(':') && isOurs(address)
}

/** A link-local address is one of a cable: others have `fe80::1` on theirs, as many routers do. What is sent to no address goes to loopback. */
function isOfThisMachine(text: string): boolean {
  const [bare, zone] = text.split('%', 2)
  const address = parseAddress(bare!)?.address
  if (address === undefined) return false
  if (isLoopback(address) || isUnspecified(address)) return true
  return interfaceAddresses().some((own) => own.address === address && (zone === undefined || own.device === zone))
}
