import { maskAnyUserInfo } from '../wire/mask-user-info.ts'

export type KeyPath = readonly PropertyKey[]

/** `proxy.http[1].url`. What stands in it after a colon is masked: `alice:pw` as a key is a slip for `alice: pw`. */
export function formatKeyPath(path: KeyPath): string {
  return path
    .map((key, index) => {
      if (typeof key === 'number') return `[${key}]`
      const shown = formatKey(String(key))
      if (!/^[\w$*-]+$/.test(shown)) return `[${JSON.stringify(shown)}]`
      return index === 0 ? shown : `.${shown}`
    })
    .join('')
}

export function formatKey(key: string): string {
  const masked = maskAnyUserInfo(key).replace(/:(?!\/\/).*$/s, ':***')
  return masked.length > MAX_SHOWN ? `${masked.slice(0, MAX_SHOWN)}…` : masked
}

/** Characters of a key that a message repeats. */
const MAX_SHOWN = 60
