import type { Container, ContainerView } from '../contracts/containers.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import { nearestName } from '../wire/nearest-name.ts'
import { quoteInput } from '../wire/quote-input.ts'

/** Names that a message lists: a person reads a line, not a thousand names. */
const NAMES_SHOWN = 8
/** Digits of an id that `docker ps` shows are 12; fewer than this are more likely a name. */
const SHORTEST_ID = 4

/**
 * The one container that a person means: by name, by the start of its id, or as `service` or `service.project` of compose. Throws a
 * `GatewayError` that says which there are.
 */
export function containerNamed(wanted: string, { containers }: ContainerView): Container {
  const name = wanted.replace(/^\//, '')
  const ways: ((container: Container) => boolean)[] = [
    (container) => container.name === name || container.id === name,
    (container) => container.service !== undefined && `${container.service}.${container.project}` === name,
    (container) => container.service === name,
    (container) => name.length >= SHORTEST_ID && container.id.startsWith(name),
  ]
  for (const way of ways) {
    const found = containers.filter(way)
    if (found.length === 1) return found[0]!
    if (found.length > 1) throw ambiguous(name, found)
  }
  const names = containers.map((container) => container.name)
  const meant = nearestName(name, [...names, ...containers.flatMap(({ service }) => service ?? [])])
  throw new GatewayError('RESOLVE_FAILED', `there is no running container ${quoteInput(name)}`, {
    hint: meant === undefined ? `Running: ${list(names)}.` : `Did you mean ${meant}?`,
  })
}

function ambiguous(name: string, found: readonly Container[]): GatewayError {
  return new GatewayError('RESOLVE_FAILED', `${quoteInput(name)} is ambiguous: ${list(found.map((one) => one.name))}`, {
    hint: 'Give the name of one of them.',
  })
}

function list(names: readonly string[]): string {
  if (names.length === 0) return 'none'
  const shown = [...names].sort().slice(0, NAMES_SHOWN).join(', ')
  return names.length > NAMES_SHOWN ? `${shown} and ${names.length - NAMES_SHOWN} more` : shown
}
