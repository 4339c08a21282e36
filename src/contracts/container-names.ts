import type { Container, ContainerEndpoint, ContainerView } from './containers.ts'

/** A container's endpoint, and whose it is. */
export interface NamedEndpoint {
  readonly container: Container
  readonly endpoint: ContainerEndpoint
}

type Index = ReadonlyMap<string, readonly NamedEndpoint[]>

/** Made once for each view, for most names that are asked for are nobody's. */
const indices = new WeakMap<ContainerView, Index>()

/**
 * Where containers of that name are: the container's own name and `service.project` of compose in all of its networks, an alias in the one that it has it in;
 * name and alias with `.network` behind them in that network, as the engine's own DNS has it. `name` is lower-case, as in `Target.host`.
 */
export function endpointsCalled(name: string, view: ContainerView): readonly NamedEndpoint[] {
  let index = indices.get(view)
  if (!index) {
    index = indexOf(view)
    indices.set(view, index)
  }
  return index.get(name) ?? []
}

function indexOf({ containers }: ContainerView): Index {
  const index = new Map<string, NamedEndpoint[]>()
  for (const container of containers) {
    for (const endpoint of container.endpoints) {
      for (const name of namesAt(container, endpoint)) {
        const found = index.get(name)
        if (found) found.push({ container, endpoint })
        else index.set(name, [{ container, endpoint }])
      }
    }
  }
  return index
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
