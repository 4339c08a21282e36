import { type EngineAddress, parseEngineAddress } from '../../wire/engine-address.ts'
import { TextError } from '../../wire/text-error.ts'
import type { WrittenSettings } from '../schema.ts'
import type { EngineSettings } from '../settings.ts'
import type { ResolveContext } from './context.ts'

/** Where the engine's own command line looks when it is told nothing. */
const USUAL: EngineAddress = { kind: 'unix', path: '/var/run/docker.sock' }
const USUAL_ON_WINDOWS: EngineAddress = { kind: 'unix', path: '\\\\.\\pipe\\docker_engine' }

/** Undefined: no engine is followed. */
export function resolveEngine(
  { socket }: WrittenSettings['engine'],
  context: ResolveContext,
): EngineSettings | undefined {
  if (socket === 'off') return undefined
  if (socket !== 'auto') return { address: socket, auto: false }
  const address = fromEnvironment(context)
  return address && { address, auto: true }
}

function fromEnvironment(context: ResolveContext): EngineAddress | undefined {
  const text = context.env['DOCKER_HOST']
  if (text === undefined || text === '') return context.platform === 'win32' ? USUAL_ON_WINDOWS : USUAL
  try {
    return parseEngineAddress(text)
  } catch (thrown) {
    if (!(thrown instanceof TextError)) throw thrown
    context.warning(['engine', 'socket'], {
      message: `DOCKER_HOST cannot be used, so no engine is followed: ${thrown.message}`,
      expected: thrown.expected,
      hint: 'Set engine.socket, or to `off` if there is none to follow.',
    })
    return undefined
  }
}
