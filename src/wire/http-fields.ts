/** Header fields as Node reads and writes them: name, value, name, value …, in order and in the sender's spelling. */
export type RawFields = readonly string[]

/** Fields of one head. Node bounds a head in bytes of names and values, and thousands of tiny fields fit into that. */
export const MAX_FIELDS = 1000

/** Every value of one field, in order. `name` in lower case. */
export function fieldValues(fields: RawFields, name: string): string[] {
  const values: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]!.length === name.length && fields[i]!.toLowerCase() === name) values.push(fields[i + 1]!)
  }
  return values
}

/** The members of a comma-separated list field (RFC 9110 §5.6.1), in lower case, empty ones left out. */
export function listMembers(values: readonly string[]): string[] {
  const members: string[] = []
  for (const value of values) {
    for (const member of value.split(',')) {
      const text = member.trim().toLowerCase()
      if (text !== '') members.push(text)
    }
  }
  return members
}

/** What the Connection field nominates, `close` and the like included. */
export function connectionOptions(fields: RawFields): string[] {
  return listMembers(fieldValues(fields, 'connection'))
}

/**
 * A field that is meant for everybody must not be named in Connection (RFC 9110 §7.6.1): whoever does that wants it to vanish on the way.
 * Answers the first such name, or `undefined`.
 */
export function nominatedForRemoval(options: readonly string[]): string | undefined {
  return options.find((option) => MEANT_FOR_ALL.has(option))
}

const MEANT_FOR_ALL: ReadonlySet<string> = new Set([
  'accept-encoding',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expect',
  'forwarded',
  'host',
  'location',
  'max-forwards',
  'origin',
  'proxy-authorization',
  'range',
  'set-cookie',
  'trailer',
  'transfer-encoding',
  'via',
  'www-authenticate',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
])

/**
 * The fields that travel on: without those of this one connection (RFC 9110 §7.6.1), those that Connection nominates, and those that
 * speak to or for a proxy (§11.7). Framing is the next connection's own, so Transfer-Encoding goes too.
 */
export function endToEndFields(fields: RawFields, options: readonly string[]): string[] {
  const kept: string[] = []
  const nominated = new Set(options) // a hostile head has 30,000 of them and a thousand fields to compare
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!.toLowerCase()
    if (HOP_BY_HOP.has(name) || nominated.has(name)) continue
    kept.push(fields[i]!, fields[i + 1]!)
  }
  return kept
}

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
])

/** Trailer fields that may be passed on: none that frame, route, authenticate or control the message (RFC 9110 §6.5.1). */
export function safeTrailers(trailers: RawFields): string[] {
  const kept: string[] = []
  for (let i = 0; i < trailers.length; i += 2) {
    const name = trailers[i]!.toLowerCase()
    if (HOP_BY_HOP.has(name) || MEANT_FOR_ALL.has(name) || name === 'trailer') continue
    kept.push(trailers[i]!, trailers[i + 1]!)
  }
  return kept
}

/** Without every field of that name (lower case). */
export function withoutField(fields: RawFields, name: string): string[] {
  const kept: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]!.toLowerCase() !== name) kept.push(fields[i]!, fields[i + 1]!)
  }
  return kept
}
