import type { ContainerDirectory } from '../contracts/containers.ts'
import type { Settings } from '../settings/settings.ts'
import { isLeftInside } from './capture-plan.ts'

/**
 * Says of each network that `engine` leaves out because the engine has made it internal, once until it has gone: it may have been captured before, or
 * somebody may expect it to be.
 */
export function tellInternalNetworks(inform: (message: string) => void) {
  let told: readonly string[] = []
  return ({ capture }: Pick<Settings, 'capture'>, directory: Pick<ContainerDirectory, 'view'>) => {
    const left = capture.enabled ? directory.view().networks.filter((network) => isLeftInside(network, capture)) : []
    const news = left.filter(({ id }) => !told.includes(id))
    told = left.map(({ id }) => id)
    if (news.length === 0) return
    inform(
      `capture: networks that the engine made with --internal are left as it keeps them, without a way out, unless capture.networks names them: ${news.map(({ name }) => name).join(', ')}`,
    )
  }
}
