import type { KeyPath } from './key-path.ts'

/**
 * What is left of a file's data without the values that do not fit the schema, so that the references in the others can still be followed
 * and all that is wrong be told at once. Never taken as settings.
 */
export function salvage(data: unknown, faulty: readonly KeyPath[]): Readonly<Record<string, unknown>> {
  if (!isGroup(data)) return {}
  const left: Record<string, unknown> = { ...data }
  for (const [group, member] of faulty) {
    const name = String(group)
    const members = left[name]
    if (member === undefined || AS_A_WHOLE.has(name) || !isGroup(members)) delete left[name]
    else left[name] = Object.fromEntries(Object.entries(members).filter(([key]) => key !== member))
  }
  return left
}

/** Parts of these are judged by one another: a door without its bad `auth` would be called open. */
const AS_A_WHOLE = new Set(['listen', 'upstreams'])

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
