import type { Clock } from '../contracts/clock.ts'
import { interfaceAddresses } from '../system/interface-addresses.ts'
import { isLoopback, isUnspecified, parseAddress } from '../wire/address.ts'

export interface Endpoint {
  readonly address: string
  readonly port: number
}

export interface OwnEndpointOptions {
  /** Where the gateway listens now: doors, status page and all. */
  readonly endpoints: () => readonly Endpoint[]
  readonly clock: Clock
  readonly localAddresses?: () => readonly string[]
}

/** Milliseconds for which the host's list of addresses is believed: reading it costs tens of microseconds, too much for each connection. */
const ADDRESSES_MAX_AGE = 2000

/** Tells whether a connection to this canonical address and port would come back to the gateway itself. */
export function createOwnEndpoints(options: OwnEndpointOptions): (address: string, port: number) => boolean {
  const { endpoints, clock, localAddresses = addressesNow } = options
  let known: { readonly addresses: ReadonlySet<string>; readonly readAt: number } | undefined
  const isLocal = (address: string) => {
    const now = clock.monotonic()
    if (!known || now - known.readAt > ADDRESSES_MAX_AGE) known = { addresses: new Set(localAddresses()), readAt: now }
    return known.addresses.has(address)
  }
  return (address, port) => {
    const destination = destinationOf(address)
    return endpoints().some((endpoint) => {
      if (endpoint.port !== port) return false
      const bound = parseAddress(endpoint.address)?.address
      if (bound === undefined) return false
      // A socket on [::] takes IPv4 too unless told otherwise, so the family is not compared.
      return isUnspecified(bound) ? isLoopback(destination) || isLocal(destination) : bound === destination
    })
  }
}

/** Connecting to the unspecified address reaches the loopback of its family. */
function destinationOf(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return address === '::' ? '::1' : address
}

function addressesNow(): string[] {
  return interfaceAddresses().map(({ address }) => address)
}
