import { z } from 'zod'
import { type About, about } from '../about.ts'
import { parseByteSize } from '../values/byte-size.ts'
import { type DurationRange, parseDuration } from '../values/duration.ts'
import { kindOf } from '../values/found.ts'
import { parseSecretReference } from '../values/secret-reference.ts'
import { parsedBy, ValueError } from '../values/value-error.ts'

type Help = Omit<About, 'form'>

/** A duration key, in milliseconds once read. */
export function duration(standard: string, range: DurationRange, help: Help) {
  const form = range.off ? 'duration or `off`' : 'duration'
  return about(parsedBy((value) => parseDuration(value, range)).prefault(standard), { form, ...help })
}

/** A size key, in bytes once read. */
export function byteSize(standard: string, range: { readonly min: number; readonly max: number }, help: Help) {
  return about(parsedBy((value) => parseByteSize(value, range)).prefault(standard), { form: 'size', ...help })
}

export function count(standard: number, range: { readonly min: number; readonly max: number }, help: Help) {
  return about(z.int().min(range.min).max(range.max).prefault(standard), { form: 'number', ...help })
}

const SECRET_FORM = { form: 'text, `env:NAME` or `file:/path`', hides: 'secret' } as const

/** A secret, or where it is to be had. */
export function secret(help: Help) {
  return about(parsedBy(parseSecretReference), { ...help, ...SECRET_FORM })
}

export function optionalSecret(help: Help) {
  return about(parsedBy(parseSecretReference).optional(), { ...help, ...SECRET_FORM })
}

/** A path or another text that must not be empty. */
export function text(what: string) {
  return parsedBy((value) => {
    if (typeof value !== 'string') throw new ValueError(`this is ${kindOf(value)}`, { expected: what })
    if (value === '') throw new ValueError('this is empty', { expected: what })
    if (/[\0-\x1f\x7f]/.test(value)) throw new ValueError('this holds a control character', { expected: what })
    return value
  })
}

/** One or a list of them: a single value stands for a list of one. */
export function oneOrMore<S extends z.ZodType>(element: S) {
  return z.preprocess(
    (value) => (value === undefined || Array.isArray(value) ? value : [value]),
    z.array(element).max(MAX_LIST),
  )
}

/** Entries in any list of the settings, but for exclude lists: more of them is a mistake or an attack on memory. */
const MAX_LIST = 1000
