import type { Container, ContainerEndpoint, ContainerView } from './containers.ts'

/** A container's endpoint, and whose it is. */
export interface NamedEndpoint {
  readonly container: Container
  readonly endpoint: ContainerEndpoint
}

interface Index {
  readonly byName: ReadonlyMap<string, readonly NamedEndpoint[]>
  readonly byAddress: ReadonlyMap<string, readonly NamedEndpoint[]>
}

/** Made once for each view, for most names that are asked for are nobody's. */
const indices = new WeakMap<ContainerView, Index>()

/**
 * Where containers of that name are: the container's own name and `service.project` of compose in all of its networks, an alias in the one that it has it in;
 * name and alias with `.network` behind them in that network, as the engine's own DNS has it. `name` is lower-case, as in `Target.host`.
 */
export function endpointsCalled(name: string, view: ContainerView): readonly NamedEndpoint[] {
  return indexOf(view).byName.get(name) ?? []
}

/** Those with that address; `address` is canonical. */
export function endpointsAt(address: string, view: ContainerView): readonly NamedEndpoint[] {
  return indexOf(view).byAddress.get(address) ?? []
}

/** `id`: of a network. */
export function isInNetwork({ endpoints }: Pick<Container, 'endpoints'>, id: string | undefined): boolean {
  return endpoints.some(({ networkId }) => networkId === id)
}

function indexOf(view: ContainerView): Index {
  const known = indices.get(view)
  if (known) return known
  const index = makeIndex(view)
  indices.set(view, index)
  return index
}

function makeIndex({ containers }: ContainerView): Index {
  const [byName, byAddress] = [new Map<string, NamedEndpoint[]>(), new Map<string, NamedEndpoint[]>()]
  const add = (index: Map<string, NamedEndpoint[]>, key: string, one: NamedEndpoint) => {
    const found = index.get(key)
    if (found) found.push(one)
    else index.set(key, [one])
  }
  for (const container of containers) {
    for (const endpoint of container.endpoints) {
      const one = { container, endpoint }
      for (const name of namesAt(container, endpoint)) add(byName, name, one)
      for (const address of endpoint.addresses) add(byAddress, address, one)
    }
  }
  return { byName, byAddress }
}

function namesAt({ name, service, project, unnamed }: Container, { network, aliases }: ContainerEndpoint): Set<string> {
  const isOfCompose = service !== undefined && project !== undefined && !unnamed
  const plain = [name, ...aliases]
  const names = [
    ...plain,
    ...plain.map((one) => `${one}.${network}`),
    ...(isOfCompose ? [`${service}.${project}`] : []),
  ]
  return new Set(names.map((one) => one.toLowerCase()))
}
