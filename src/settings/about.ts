import { z } from 'zod'

/** What the schema says about a key, for `docs/settings.md` and for messages. */
export interface About {
  /** What it does, in a sentence or two. */
  readonly help: string
  /** How it is written: `duration`, `a URL, a list of URLs, or a name`. */
  readonly form: string
  /** Why the default is what it is, where that is not plain. */
  readonly why?: string
  /** The default in words, where the schema holds none. */
  readonly absent?: string
  /** What may be shown of a value that somebody wrote: nothing but references, or no user information. Absent: all of it. */
  readonly hides?: 'secret' | 'user-info'
}

/** Attaches help to a part of the schema. */
export function about<S extends z.ZodType>(schema: S, text: About): S {
  return schema.meta({ about: text }) as S
}

export function aboutOf(schema: z.ZodType): About | undefined {
  return schema.meta()?.['about'] as About | undefined
}

/** A group of keys, all with defaults of their own. */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape)
}

/** The group of keys behind defaults, lists and shorthands; undefined where a schema is no group. */
export function keysOf(schema: z.ZodType | undefined): Readonly<Record<string, z.ZodType>> | undefined {
  const inner = unwrap(schema)
  return inner instanceof z.ZodObject ? (inner.shape as Record<string, z.ZodType>) : undefined
}

/** The schema that a path of keys and indexes leads to. */
export function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | undefined {
  let at: z.ZodType | undefined = schema
  for (const key of path) {
    const inner = unwrap(at)
    if (inner instanceof z.ZodObject) at = (inner.shape as Record<string, z.ZodType>)[String(key)]
    else if (inner instanceof z.ZodArray) at = inner.element as z.ZodType
    else if (inner instanceof z.ZodRecord) at = inner.valueType as z.ZodType
    else return undefined
  }
  return at
}

/** The default as it would be written in the file; undefined where there is none. */
export function writtenDefault(schema: z.ZodType): unknown {
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault) return schema.def.defaultValue
  return undefined
}

/** Whether one text may stand for the whole group, as an address does for a door. */
export function hasShorthand(schema: z.ZodType): boolean {
  return schema instanceof z.ZodPipe && schema.def.in instanceof z.ZodTransform
}

function unwrap(schema: z.ZodType | undefined): z.ZodType | undefined {
  let at = schema
  for (;;) {
    if (at instanceof z.ZodOptional || at instanceof z.ZodPrefault || at instanceof z.ZodDefault) {
      at = at.def.innerType as z.ZodType
    } else if (at instanceof z.ZodPipe) {
      // A shorthand is brought into its long form first; what comes out is what has keys.
      at = (at.def.in instanceof z.ZodTransform ? at.def.out : at.def.in) as z.ZodType
    } else if (at instanceof z.ZodUnion) {
      // A word or a group: the group is what has keys, and stands last.
      at = at.options.at(-1) as z.ZodType
    } else return at
  }
}
