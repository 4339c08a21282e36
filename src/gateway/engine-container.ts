import { systemClock } from '../contracts/clock.ts'
import type { Container, ContainerView } from '../contracts/containers.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { Client } from '../contracts/route.ts'
import { createEngineDirectory } from '../engine/create-engine-directory.ts'
import type { EngineSettings } from '../settings/settings.ts'
import { formatEngineAddress } from '../wire/engine-address.ts'
import { containerNamed } from './container-named.ts'

/** Milliseconds until an engine that neither answers nor refuses is taken to be away. */
const ASK_MS = 10_000

export interface ContainerClient {
  readonly client: Client
  /** What the engine has. */
  readonly view: ContainerView
  /** The container that was asked for, where it goes as another one: the client is that one. */
  readonly goesAs?: string
}

/**
 * The client that a container of the engine would be. Rejects when the engine is away, when it has no such container, and when that one has no address,
 * as in the host's network: it then goes out as the host, of which no rule for containers is asked.
 */
export async function clientOfContainer(name: string, engine: EngineSettings | undefined): Promise<ContainerClient> {
  if (!engine) {
    throw new GatewayError('RESOLVE_FAILED', 'no container can be looked up: no engine is followed', {
      hint: 'Set engine.socket in the settings.',
    })
  }
  const view = await viewOf(engine)
  const asked = containerNamed(name, view)
  const container = whoseNetwork(asked, view)
  const [address] = [...container.endpoints.flatMap(({ addresses }) => addresses), ...(container.outward ?? [])]
  if (address === undefined) {
    throw new GatewayError('RESOLVE_FAILED', `container ${asked.name} ${whyWithoutAddress(asked)}`, {
      hint: 'Nothing of it is captured, and no rule for containers holds for it. For a program in the host’s network ask without --container.',
    })
  }
  return { view, client: { local: false, container, address }, ...(container === asked ? {} : { goesAs: asked.name }) }
}

/** One network, one address: nothing tells its containers apart. The engine lets nobody join one that has joined another itself. */
function whoseNetwork(container: Container, { containers }: ContainerView): Container {
  return containers.find(({ id }) => id === container.networkOf) ?? container
}

function whyWithoutAddress({ networkOf, endpoints }: Container): string {
  if (networkOf !== undefined) return 'has the network of another one, which has no address or does not run'
  if (endpoints.some(({ network }) => network === 'host'))
    return 'has the network of the host, and no address of its own'
  return 'has no address in any network'
}

/** What the engine says now; it is not followed further. */
async function viewOf({ address }: EngineSettings): Promise<ContainerView> {
  const away = (reason: string) =>
    new GatewayError(
      'RESOLVE_FAILED',
      `the Docker engine at ${formatEngineAddress(address)} cannot be asked: ${reason}`,
      {
        hint: 'Is it running, and may you use its socket? engine.socket in the settings names another.',
      },
    )
  let end = () => {}
  try {
    return await new Promise<ContainerView>((resolve, reject) => {
      const cancel = systemClock.after(ASK_MS, () => reject(away(`no answer within ${ASK_MS / 1000} s`)))
      const directory = createEngineDirectory({
        address,
        clock: systemClock,
        onState: (state) => (state.connected ? resolve(directory.view()) : reject(away(state.reason))),
      })
      end = () => {
        cancel()
        directory.close()
      }
    })
  } finally {
    end()
  }
}
