import { systemClock } from '../contracts/clock.ts'
import type { ContainerView } from '../contracts/containers.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { Client } from '../contracts/route.ts'
import { createEngineDirectory } from '../engine/create-engine-directory.ts'
import type { EngineSettings } from '../settings/settings.ts'
import { formatEngineAddress } from '../wire/engine-address.ts'
import { containerNamed } from './container-named.ts'

/** Milliseconds until an engine that neither answers nor refuses is taken to be away. */
const ASK_MS = 10_000

/** The client that a container of the engine would be. Rejects when the engine is away, and when it has no such container. */
export async function clientOfContainer(name: string, engine: EngineSettings | undefined): Promise<Client> {
  if (!engine) {
    throw new GatewayError('RESOLVE_FAILED', 'no container can be looked up: no engine is followed', {
      hint: 'Set engine.socket in the settings.',
    })
  }
  const container = containerNamed(name, await viewOf(engine))
  const address = container.endpoints.flatMap(({ addresses }) => addresses)[0]
  return { local: false, container, ...(address === undefined ? {} : { address }) }
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
