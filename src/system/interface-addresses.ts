import { networkInterfaces } from 'node:os'
import { parseAddress } from '../wire/address.ts'
import { type InterfaceAddress, listInterfaceAddresses } from './linux/interface-list.ts'
import { hasLibc } from './linux/libc.ts'

export type { InterfaceAddress } from './linux/interface-list.ts'

/**
 * The addresses of this machine, loopback among them, as the kernel knows them now. Node's own list leaves out an interface without carrier, such
 * as an engine's bridge before its first container; yet its address is this machine's, and what is sent there arrives. Without koffi, and on other
 * systems, Node's list is what there is.
 *
 * Costs some tens of microseconds, and more where there are hundreds of interfaces: not for each connection.
 */
export function interfaceAddresses(): InterfaceAddress[] {
  return hasLibc ? listInterfaceAddresses() : portableAddresses()
}

export function portableAddresses(): InterfaceAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([device, addresses = []]) =>
    addresses.flatMap(({ address, cidr }) => {
      const parsed = parseAddress(address.replace(/%.*$/, ''))
      const bits = cidr?.split('/')[1] ?? (parsed?.family === 6 ? 128 : 32)
      return parsed ? [{ device, address: parsed.address, bits: Number(bits) }] : []
    }),
  )
}
