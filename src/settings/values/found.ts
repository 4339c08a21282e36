import { maskAnyUserInfo, maskQueries } from '../../wire/mask-user-info.ts'

/** A value as a message shows it: short, on one line, without user information and queries of URLs. Not for secrets: see `kindOf`. */
export function found(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return kindOf(value)
}

/** What kind of value it is, in the words of a settings file. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'no value'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return 'text'
  if (typeof value === 'number') return 'a number'
  if (typeof value === 'boolean') return String(value)
  return 'a group of keys'
}

/** Characters of a value that a message repeats: enough to recognise it. */
const MAX_SHOWN = 60

export function quote(text: string): string {
  const shown = maskQueries(maskAnyUserInfo(text))
  return JSON.stringify(shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}…` : shown)
}
