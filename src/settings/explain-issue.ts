import type { z } from 'zod'
import { nearestName } from '../wire/nearest-name.ts'
import { aboutOf, keysOf, schemaAt } from './about.ts'
import { formatKey, type KeyPath } from './key-path.ts'
import { settingsSchema } from './schema.ts'
import { found, kindOf } from './values/found.ts'

type Issue = z.core.$ZodIssue

/** An issue of the schema in the words of the settings file, and where it belongs. */
export interface Explained {
  readonly path: KeyPath
  readonly message: string
  readonly expected?: string
  readonly hint?: string
  /** The fault is the key, not its value. */
  readonly key?: boolean
  /** Characters into the value. */
  readonly offset?: number
}

export function explainIssue(issue: Issue, data: unknown): readonly Explained[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(issue.path, key))
  if (issue.code === 'invalid_union') {
    const group = issue.errors.at(-1) ?? []
    return group.flatMap((inner) => explainIssue({ ...inner, path: [...issue.path, ...inner.path] }, data))
  }
  const { path } = issue
  const value = valueAt(data, path)
  if (value.missing) return [missing(path)]
  if (value.found === null) return [noValue(value.path)]
  switch (issue.code) {
    case 'invalid_type':
      return [
        {
          path,
          message: `this is ${kindOf(value.found)}`,
          expected: formAt(path) ?? issue.expected,
          ...(issue.expected === 'object' && typeof value.found === 'string' ? KEY_VALUE : {}),
        },
      ]
    case 'invalid_value': {
      const known = issue.values.map(String)
      const meant = typeof value.found === 'string' ? nearestName(value.found, known) : undefined
      return [
        {
          path,
          message: `${found(value.found)} is not known here`,
          expected: known.join(', '),
          ...(meant === undefined ? {} : { hint: `Did you mean ${meant}?` }),
        },
      ]
    }
    case 'too_big':
      return [{ path, message: 'this is too much', expected: `at most ${issue.maximum}` }]
    case 'too_small':
      return [{ path, message: 'this is too little', expected: `at least ${issue.minimum}` }]
    case 'custom':
      return [{ path, message: issue.message, ...(issue.params as Partial<Explained>) }]
    default:
      return [
        {
          path,
          message: 'this is not allowed here',
          ...(formAt(path) === undefined ? {} : { expected: formAt(path)! }),
        },
      ]
  }
}

const KEY_VALUE = { hint: 'Write “key: value”, with a blank after the colon.' }

function unknownKey(path: KeyPath, key: string): Explained {
  const known = Object.keys(keysOf(schemaAt(settingsSchema, path)) ?? {})
  const meant = nearestName(key, known)
  return {
    path: [...path, key],
    key: true,
    message: `there is no key “${formatKey(key)}” here`,
    expected: `one of ${known.join(', ')}`,
    ...(meant === undefined ? elsewhere(key) : { hint: `Did you mean ${meant}?` }),
  }
}

/** A key that exists, but in another group: the usual slip is the indentation. */
function elsewhere(key: string): { hint?: string } {
  for (const [group, schema] of Object.entries(settingsSchema.shape)) {
    if (group === key) return { hint: `“${key}” stands at the top level of the file: check the indentation.` }
    if (Object.hasOwn(keysOf(schema) ?? {}, key))
      return { hint: `“${key}” belongs under “${group}”: check the indentation.` }
  }
  return {}
}

function missing(path: KeyPath): Explained {
  const key = formatKey(String(path.at(-1)))
  const form = formAt(path)
  return { path, message: `“${key}” is missing`, ...(form === undefined ? {} : { expected: `${key}: ${form}` }) }
}

function noValue(path: KeyPath): Explained {
  const form = formAt(path)
  return {
    path,
    key: true,
    message: 'there is no value',
    ...(form === undefined ? {} : { expected: form }),
    hint: 'Remove the key to have the default, or check the indentation of the lines below it.',
  }
}

function formAt(path: KeyPath): string | undefined {
  const schema = schemaAt(settingsSchema, path)
  const form = schema && aboutOf(schema)?.form
  return form === 'group' ? 'a group of keys' : form?.replaceAll('`', '')
}

/** The value at a path; shorthands end the path early, and then they are the value. */
function valueAt(
  data: unknown,
  path: KeyPath,
): { readonly missing: boolean; readonly found: unknown; readonly path: KeyPath } {
  let at = data
  const taken: PropertyKey[] = []
  for (const key of path) {
    if (typeof at !== 'object' || at === null) break
    if (Array.isArray(at) ? typeof key !== 'number' : key === 0 && !Object.hasOwn(at, '0')) continue
    if (!Object.hasOwn(at, key)) return { missing: true, found: undefined, path }
    at = (at as Record<PropertyKey, unknown>)[key]
    taken.push(key)
  }
  return { missing: false, found: at, path: taken }
}
