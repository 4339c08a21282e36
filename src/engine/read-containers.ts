import { z } from 'zod'
import type { StoppedContainer } from '../contracts/containers.ts'
import { parseAddress } from '../wire/address.ts'
import { cleanText } from '../wire/clean-text.ts'
import { EngineError } from './engine-error.ts'
import type { Kept } from './json-picker.ts'
import { type ReadLabels, readLabels } from './labels.ts'
import { HOST_LIKE, ID, MAX_NAME, NETWORK_ID } from './names.ts'

/** Containers that are looked at: some hundreds are a busy machine. */
const MAX_CONTAINERS = 10_000
/** Networks of one container. */
const MAX_ENDPOINTS = 64
/** Names of one endpoint. */
const MAX_ALIASES = 64
/** Characters of an image's reference. */
const MAX_IMAGE = 512
/** Characters of a container's name: Docker knows no limit, and a name that is cut would be another one to a rule. */
const MAX_CONTAINER_NAME = 4096
/** Digits of an id as `docker ps` shows it. */
const SHORT_ID = 12

/** What is wanted of `GET /containers/json` and of `GET /containers/ID/json`. The rest is as long as an image's author likes: its command, ports, volumes. */
export const LISTED: Kept = {
  ...{ Id: 'all', Names: 'all', Image: 'all', State: 'all', Labels: 'labels' },
  ...{ HostConfig: { NetworkMode: 'all' }, NetworkSettings: { Networks: 'all' } },
}
export const INSPECTED: Kept = { Config: { Image: 'all' }, NetworkSettings: { Networks: 'all' } }

const address = z.string().max(64).nullish().catch(undefined)
const names = z.array(z.string()).nullish().catch(undefined)

const endpointSchema = z.object({
  NetworkID: z.string().regex(NETWORK_ID).catch(''),
  EndpointID: z.string().regex(ID).catch(''),
  IPAddress: address,
  GlobalIPv6Address: address,
  Aliases: names,
  DNSNames: names,
})

const endpointsSchema = z.object({ Networks: z.record(z.string(), endpointSchema).nullish() })

const listedSchema = z.object({
  Id: z.string().regex(ID),
  Names: z.array(z.string()).nullish().catch(undefined),
  Image: z.string().catch(''),
  State: z.string().max(40),
  Labels: z.unknown(),
  HostConfig: z
    .object({ NetworkMode: z.string().max(MAX_NAME) })
    .nullish()
    .catch(undefined),
  NetworkSettings: endpointsSchema.nullish(),
})

/** One container as the list has it. */
export interface ListedContainer extends ReadLabels {
  readonly id: string
  readonly name: string
  /** As it was asked for, as long as that leads to the image it was made from; its id from then on. */
  readonly image: string
  /** Running or paused: it has its addresses. */
  readonly runs: boolean
  /** Of one that does not run. */
  readonly state?: StoppedContainer['state']
  /** The id of the container whose network it has. */
  readonly networkOf?: string
  readonly endpoints: readonly ListedEndpoint[]
}

export interface ListedEndpoint {
  readonly network: string
  /** As the engine says it: Podman says the name. */
  readonly networkId: string
  /** Another one whenever the container is connected anew; empty while it is not, and with Podman. */
  readonly endpointId: string
  readonly addresses: readonly string[]
}

/** Reads the answer to `GET /containers/json?all=1`. Entries that are not what they should be are left out. */
export function readContainers(answer: unknown): ListedContainer[] {
  if (!Array.isArray(answer)) throw new EngineError('the engine’s list of containers is no list')
  return answer.slice(0, MAX_CONTAINERS).flatMap((entry: unknown) => {
    const parsed = listedSchema.safeParse(entry)
    return parsed.success ? [toContainer(parsed.data)] : []
  })
}

/** What only the question for one container tells. */
export interface InspectedContainer {
  /** As it was asked for when the container was made; empty where that is not told. */
  readonly image: string
  /** The names it has in each network, by the network's id as the list has it. */
  readonly aliases: ReadonlyMap<string, readonly string[]>
}

const inspectedSchema = z.object({
  Config: z.object({ Image: z.string() }).nullish().catch(undefined),
  NetworkSettings: endpointsSchema.nullish().catch(undefined),
})

/** Reads the answer to `GET /containers/ID/json`. */
export function readInspected(answer: unknown): InspectedContainer {
  const { data } = inspectedSchema.safeParse(answer)
  const aliases = endpointsOf(data?.NetworkSettings).map(([, { NetworkID, Aliases, DNSNames }]) => {
    const known = new Set([...(Aliases ?? []), ...(DNSNames ?? [])].slice(0, MAX_ALIASES).filter(isHostLike))
    return [NetworkID, [...known]] as const
  })
  return { image: cleanText(data?.Config?.Image ?? '', MAX_IMAGE), aliases: new Map(aliases) }
}

/** Whatever it is called: a container that is left out would be one that no rule holds for. */
function toContainer(listed: z.output<typeof listedSchema>): ListedContainer {
  // Links give a container more names, as `/other/alias`; its own has one slash.
  const own = listed.Names?.find((name) => name.lastIndexOf('/') === 0)?.slice(1)
  const [, networkOf] = /^container:(.+)$/.exec(listed.HostConfig?.NetworkMode ?? '') ?? []
  return {
    ...(networkOf !== undefined && ID.test(networkOf) ? { networkOf } : {}),
    id: listed.Id,
    name: cleanText(own ?? '', MAX_CONTAINER_NAME) || listed.Id.slice(0, SHORT_ID),
    image: cleanText(listed.Image, MAX_IMAGE),
    runs: listed.State === 'running' || listed.State === 'paused',
    ...(listed.State === 'restarting' || listed.State === 'removing' ? { state: listed.State } : {}),
    ...readLabels(listed.Labels),
    endpoints: endpointsOf(listed.NetworkSettings).map(([network, endpoint]) => ({
      network: cleanText(network, MAX_NAME),
      networkId: endpoint.NetworkID,
      endpointId: endpoint.EndpointID,
      addresses: [endpoint.IPAddress, endpoint.GlobalIPv6Address].flatMap(
        (text) => parseAddress(text ?? '')?.address ?? [],
      ),
    })),
  }
}

function endpointsOf(settings: z.output<typeof endpointsSchema> | null | undefined) {
  return Object.entries(settings?.Networks ?? {})
    .slice(0, MAX_ENDPOINTS)
    .filter(([, { NetworkID }]) => NetworkID !== '')
}

function isHostLike(name: string): boolean {
  return HOST_LIKE.test(name)
}
