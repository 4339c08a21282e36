import { type EngineAddress, parseEngineAddress } from '../../wire/engine-address.ts'
import { TextError } from '../../wire/text-error.ts'
import { found } from './found.ts'
import { ValueError } from './value-error.ts'

const expected = 'auto, off, unix:///path/to/docker.sock, npipe:////./pipe/NAME or tcp://host:port'

/** Where the Docker engine is: `auto`, `off`, or an address as `DOCKER_HOST` has it. */
export function parseEngineSocket(value: unknown): EngineAddress | 'auto' | 'off' {
  if (value === 'auto' || value === 'off') return value
  if (typeof value !== 'string') throw new ValueError(`${found(value)} is not the address of an engine`, { expected })
  try {
    return parseEngineAddress(value)
  } catch (thrown) {
    if (!(thrown instanceof TextError)) throw thrown
    const hint =
      value.startsWith('/') || value.startsWith('unix:/')
        ? { hint: `Write unix://${value.replace(/^unix:\/*/, '/')}.` }
        : {}
    throw new ValueError(`${found(value)}: ${thrown.message}`, { expected, ...hint })
  }
}
