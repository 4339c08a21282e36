import { interfaceAddresses } from '../system/interface-addresses.ts'
import { isLoopback } from '../wire/address.ts'

/** This machine's own, canonical, without loopback, which everybody has. */
export function hostAddresses(): string[] {
  return interfaceAddresses().flatMap(({ address }) => (isLoopback(address) ? [] : address))
}
