import { type EngineAddress, parseEngineAddress } from '../../wire/engine-address.ts'
import { TextError } from '../../wire/text-error.ts'
import type { KeyPath } from '../key-path.ts'
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

/** What can do nothing where no engine is followed; a rule that never matches would open what it is meant to close. */
export function refuseWithoutEngine(
  { engine, reverse, containerRules, capture, dns }: WrittenSettings,
  context: ResolveContext,
): void {
  const unusable = engine.socket === 'auto' ? askEnvironment(context) : undefined
  const because = unusable instanceof TextError ? ` (DOCKER_HOST cannot be used: ${unusable.message})` : ''
  const refuse = (path: KeyPath, consequence: string, expected = 'engine.socket') =>
    context.problem(path, { message: `no engine is followed${because}, so ${consequence}`, expected })
  if (reverse.listen.length > 0) refuse(['reverse', 'listen'], 'there are no containers to lead to')
  for (const [index, { match }] of containerRules.entries())
    if (match.known !== false) refuse(['containerRules', index], 'this rule would never match')
  const takesNothing = capture.interfaces.length === 0 && capture.subnets.length === 0
  if (capture.enabled && capture.networks.length > 0 && takesNothing)
    refuse(['capture', 'networks'], 'there are no networks of it to capture', 'engine.socket, or interfaces or subnets')
  if (dns.containerNames) refuse(['dns', 'containerNames'], 'no container has a name')
}

function fromEnvironment(context: ResolveContext): EngineAddress | undefined {
  const address = askEnvironment(context)
  if (!(address instanceof TextError)) return address
  context.warning(['engine', 'socket'], {
    message: `DOCKER_HOST cannot be used, so no engine is followed: ${address.message}`,
    expected: address.expected,
    hint: 'Set engine.socket, or to `off` if there is none to follow.',
  })
  return undefined
}

function askEnvironment({ env, platform }: ResolveContext): EngineAddress | TextError {
  const text = env['DOCKER_HOST']
  if (text === undefined || text === '') return platform === 'win32' ? USUAL_ON_WINDOWS : USUAL
  try {
    return parseEngineAddress(text)
  } catch (thrown) {
    if (thrown instanceof TextError) return thrown
    throw thrown
  }
}
