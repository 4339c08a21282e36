import { networkInterfaces } from 'node:os'
import { parseAddress } from '../wire/address.ts'

/** This machine's own, canonical, without loopback, which everybody has. */
export function hostAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.flatMap(({ address, internal }) => (internal ? [] : (parseAddress(address)?.address ?? []))),
  )
}
