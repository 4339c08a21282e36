import { type InterfaceAddress, interfaceAddresses } from '../system/interface-addresses.ts'
import { isLoopback } from '../wire/address.ts'

/** This machine's own, canonical, without loopback, which everybody has. */
export function hostAddresses(): string[] {
  return ownAddresses().map(({ address }) => address)
}

/** The same with the interfaces that they are at. */
export function ownAddresses(): InterfaceAddress[] {
  return interfaceAddresses().filter(({ address }) => !isLoopback(address))
}
