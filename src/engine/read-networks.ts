import { z } from 'zod'
import type { ContainerNetwork } from '../contracts/containers.ts'
import { parseAddress } from '../wire/address.ts'
import { cleanText } from '../wire/clean-text.ts'
import { parseIpBlock } from '../wire/ip-block.ts'
import { EngineError } from './engine-error.ts'
import { ID, MAX_NAME } from './names.ts'

/** Networks that are looked at: an engine's address pools end at some hundreds, a swarm's at a few thousand. */
const MAX_NETWORKS = 4096
/** Blocks of one network. */
const MAX_BLOCKS = 16
/** Drivers whose containers do not come through bridges of the engine's host. Those of plugins do, as far as anybody can tell. */
const UNBRIDGED = new Set(['host', 'null', 'none', 'macvlan', 'ipvlan', 'overlay'])
/** Bytes of an interface's name, IFNAMSIZ without its NUL. */
const MAX_INTERFACE = 15

const networkSchema = z.object({
  Id: z.string().regex(ID),
  Name: z.string().min(1),
  Driver: z.string().max(MAX_NAME).catch(''),
  Internal: z.boolean().catch(false),
  IPAM: z
    .object({
      Config: z
        .array(z.object({ Subnet: z.string().max(64).optional(), Gateway: z.string().max(64).optional() }))
        .max(MAX_BLOCKS),
    })
    .catch({ Config: [] }),
  Options: z.record(z.string(), z.string()).nullish().catch(undefined),
})

/**
 * Reads the answer to `GET /networks`. Entries that are not what they should be are left out; an answer that is no list is an `EngineError`.
 * `isAnother`: it comes from no engine of Docker's, which name their bridges by a rule.
 */
export function readNetworks(answer: unknown, isAnother: boolean): ContainerNetwork[] {
  if (!Array.isArray(answer)) throw new EngineError('the engine’s list of networks is no list')
  return answer.slice(0, MAX_NETWORKS).flatMap((entry: unknown) => {
    const parsed = networkSchema.safeParse(entry)
    return parsed.success ? [toNetwork(parsed.data, isAnother)] : []
  })
}

function toNetwork(
  { Id, Name, Driver, Internal, IPAM, Options }: z.output<typeof networkSchema>,
  isAnother: boolean,
): ContainerNetwork {
  const byRule = isAnother ? undefined : `br-${Id.slice(0, 12)}`
  const bridge = Driver === 'bridge' ? (Options?.['com.docker.network.bridge.name'] ?? byRule) : undefined
  return {
    id: Id,
    name: cleanText(Name, MAX_NAME),
    driver: cleanText(Driver, MAX_NAME),
    bridged: !UNBRIDGED.has(Driver),
    internal: Internal,
    ...(Options?.['com.docker.network.bridge.default_bridge'] === 'true' ? { nameless: true as const } : {}),
    ...(Options?.['com.docker.network.bridge.enable_icc'] === 'false' ? { parted: true as const } : {}),
    ...(bridge !== undefined && isInterfaceName(bridge) ? { bridge } : {}),
    subnets: IPAM.Config.flatMap(({ Subnet }) => (Subnet !== undefined && isBlock(Subnet) ? [Subnet] : [])),
    // Some engines write the gateway with its prefix length.
    gateways: IPAM.Config.flatMap(({ Gateway }) => parseAddress(Gateway?.split('/', 1)[0] ?? '')?.address ?? []),
  }
}

/** What the kernel takes, without what a shell or a rule file would read as something else. */
function isInterfaceName(name: string): boolean {
  return name.length <= MAX_INTERFACE && /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)
}

/** It goes into rule files as it is. */
function isBlock(text: string): boolean {
  const [address, bits, more] = text.split('/')
  if (more !== undefined) return false
  try {
    parseIpBlock(address!, bits ?? '')
    return true
  } catch {
    return false
  }
}
