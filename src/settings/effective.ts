import type { z } from 'zod'
import { aboutOf, keysOf } from './about.ts'
import { formatKeyPath, type KeyPath } from './key-path.ts'
import type { Merged } from './merge-sources.ts'
import { settingsSchema, type WrittenSettings } from './schema.ts'
import type { Settings } from './settings.ts'
import { showValue } from './show-value.ts'

/** One key with the value in force and where it comes from. */
export interface EffectiveValue {
  readonly path: string
  /** For people, without secrets. */
  readonly value: string
  readonly origin: Origin
  /** Whether the source holds it fast. */
  readonly locked: boolean
}

export type Origin =
  | { readonly kind: 'default' }
  | { readonly kind: 'user' | 'admin'; readonly file: string; readonly line: number }

/** `default`, `fairlead.yaml:12`, `admin-settings.json:3 (locked)`. */
export function formatOrigin({ origin, locked }: Pick<EffectiveValue, 'origin' | 'locked'>): string {
  if (origin.kind === 'default') return 'default'
  return `${origin.file}:${origin.line}${locked ? ' (locked)' : ''}`
}

/** Every key of the schema, in its order. Groups that the files do not have (`proxy`) are one value. */
export function effectiveValues(
  written: WrittenSettings,
  settings: Settings,
  merged: Merged,
): readonly EffectiveValue[] {
  const values: EffectiveValue[] = []
  const decided = decidedValues(settings)
  const walk = (schema: z.ZodType, path: KeyPath, value: unknown): void => {
    const keys = isGroup(schema) ? keysOf(schema) : undefined
    if (keys && value !== undefined) {
      for (const [key, inner] of Object.entries(keys))
        walk(inner, [...path, key], (value as Record<string, unknown>)[key])
      return
    }
    const source = merged.sourceOf(path)
    const group = (merged.data as Record<string, { locked?: unknown } | undefined>)[String(path[0])]
    values.push({
      path: formatKeyPath(path),
      value: decided.get(path.join('.')) ?? showValue(value, aboutOf(schema)),
      origin: source ? { kind: source.kind, file: source.file, line: source.line(path) } : { kind: 'default' },
      locked: source !== undefined && group?.locked === true,
    })
  }
  for (const [key, schema] of Object.entries(settingsSchema.shape)) {
    walk(schema, [key], (written as Record<string, unknown>)[key])
  }
  return values
}

/** Defaults that hang on other values. */
function decidedValues({ proxy, containersProxy }: Settings): ReadonlyMap<string, string> {
  return new Map([
    ['proxy.mode', proxy.mode],
    ['proxy.onPacFailure', proxy.onPacFailure],
    ['containersProxy.mode', containersProxy.mode],
    ['containersProxy.onPacFailure', containersProxy.onPacFailure],
  ])
}

function isGroup(schema: z.ZodType): boolean {
  return aboutOf(schema)?.form === 'group'
}
