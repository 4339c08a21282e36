export type KeyPath = readonly PropertyKey[]

/** `proxy.http[1].url`. */
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

/** A key that somebody wrote. Of what is no plain word only the beginning is shown: `alice:pw` is a slip for `alice: pw`. */
export function formatKey(key: string): string {
  const word = plainWord(key)
  const shown = word.length > MAX_SHOWN ? `${word.slice(0, MAX_SHOWN)}…` : word
  return word.length < key.length ? `${shown}***` : shown
}

/** How much of a key, from its beginning, is fit to be shown. */
export function plainWord(key: string): string {
  return key === '<<' ? key : (/^[\p{L}\p{N}_.$-]*/u.exec(key)?.[0] ?? '')
}

/** Characters of a key that a message repeats. */
const MAX_SHOWN = 60
