import type { Container, ContainerDirectory } from '../../contracts/containers.ts'
import { GatewayError } from '../../contracts/gateway-error.ts'
import type { Target } from '../../contracts/target.ts'
import { findContainers } from './find-containers.ts'

/**
 * Dials a container for as long as one runs that the target means. To an address that has just gone nobody says anything: the client would wait until
 * the deadline, and give up with an empty answer before that.
 */
export async function whileRunning<T>(
  directory: ContainerDirectory,
  target: Target,
  signal: AbortSignal,
  dial: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new AbortController()
  let meant = meantBy(target, directory)
  const stop = directory.onChange(() => {
    const now = meantBy(target, directory)
    const left = meant.filter(({ id }) => now.some((one) => one.id === id))
    if (meant.length > 0 && left.length === 0) ended.abort(goneError(target, meant[0]!))
    else meant = now
  })
  try {
    return await dial(AbortSignal.any([signal, ended.signal]))
  } finally {
    stop()
  }
}

function meantBy({ family, host }: Target, directory: ContainerDirectory): readonly Container[] {
  if (family !== 0) {
    const container = directory.byAddress(host)
    return container ? [container] : []
  }
  const found = findContainers(directory.view(), host)
  return found.kind === 'places' ? found.places.map(({ container }) => container) : []
}

function goneError({ host, port }: Target, { name }: Container): GatewayError {
  return new GatewayError('HOST_UNREACHABLE', `the container ${name} has ended while ${host}:${port} was dialled`, {
    hint: 'Ask again when it runs; `docker ps` lists the containers that do.',
  })
}
