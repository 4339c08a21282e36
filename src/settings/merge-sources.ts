import type { KeyPath } from './key-path.ts'
import type { Source } from './source.ts'

export interface Merged {
  /** As one file would hold it. */
  readonly data: unknown
  /** Which source a value comes from; undefined where it is the default. */
  sourceOf(path: KeyPath): Source | undefined
}

type Group = Readonly<Record<string, unknown>>

/**
 * Several sources as one, in rising rank. A value of a higher rank wins, with one exception: `proxy` and `containersProxy` are taken whole
 * from one source, and that of a higher rank is a mere default where it is not `locked` and a lower one has its own.
 */
export function mergeSources(sources: readonly Source[]): Merged {
  const data: Record<string, unknown> = {}
  const owners = new Map<string, Source>()
  for (const source of sources) {
    for (const [group, value] of Object.entries(asGroup(source.data) ?? {})) {
      if (WHOLE_GROUPS.has(group)) {
        if (data[group] !== undefined && asGroup(value)?.['locked'] !== true) continue
        data[group] = value
        owners.set(group, source)
        continue
      }
      // A word is one thing; so is a list, whose members mean what they mean by their order.
      if (asGroup(value) === undefined && value !== null && value !== undefined) {
        data[group] = value
        owners.set(group, source)
        continue
      }
      const members = asGroup(value) ?? {}
      data[group] = { ...asGroup(data[group]), ...members }
      for (const member of Object.keys(members)) owners.set(`${group}.${member}`, source)
    }
  }
  return {
    data,
    sourceOf([group, member]) {
      const owner = owners.get(String(group)) ?? owners.get(`${String(group)}.${String(member)}`)
      if (member === undefined || owner === undefined || !WHOLE_GROUPS.has(String(group))) return owner
      return Object.hasOwn(asGroup(data[String(group)]) ?? {}, member) ? owner : undefined
    },
  }
}

const WHOLE_GROUPS = new Set(['proxy', 'containersProxy'])

function asGroup(value: unknown): Group | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Group) : undefined
}
