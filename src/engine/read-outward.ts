import { z } from 'zod'
import { parseAddress } from '../wire/address.ts'
import { EngineError } from './engine-error.ts'
import type { Kept } from './json-picker.ts'
import { ID } from './names.ts'

/**
 * The network by which containers of overlay networks go out. They are connected to it by the engine itself: neither the list of containers nor a
 * container's own settings say so, only the network does.
 */
export const OUTWARD_NETWORK = 'docker_gwbridge'

/** What is wanted of `GET /networks/ID`. */
export const OUTWARD: Kept = { Containers: 'all' }

/** Containers of it that are looked at: more than its usual block of 65,536 addresses has in use. */
const MAX_INSIDE = 10_000

const address = z.string().max(64).nullish().catch(undefined)
const insideSchema = z.object({ IPv4Address: address, IPv6Address: address })

/**
 * Reads the answer to `GET /networks/ID`: the addresses of containers in it, by the container's id. What is no container's is left out, as the engine's
 * own `ingress-sbox` is.
 */
export function readOutward(answer: unknown): ReadonlyMap<string, readonly string[]> {
  const parsed = z.object({ Containers: z.record(z.string(), z.unknown()).nullish() }).safeParse(answer)
  if (!parsed.success) throw new EngineError('the engine’s answer about a network is none')
  const inside = Object.entries(parsed.data.Containers ?? {}).slice(0, MAX_INSIDE)
  return new Map(
    inside.flatMap(([id, entry]) => {
      const known = ID.test(id) ? insideSchema.safeParse(entry) : undefined
      return known?.success ? [[id, addressesIn(known.data)] as const] : []
    }),
  )
}

/** They are written with their prefix length. */
function addressesIn({ IPv4Address, IPv6Address }: z.output<typeof insideSchema>): readonly string[] {
  return [IPv4Address, IPv6Address].flatMap((text) => parseAddress(text?.split('/', 1)[0] ?? '')?.address ?? [])
}
