import type { Secret } from '../contracts/secret.ts'
import { maskUserInfo } from '../wire/mask-user-info.ts'

/**
 * Makes the last sieve before text is shown: takes known secrets (as they are, percent-encoded, in Base64), the user information of URLs
 * and the credentials of authorization headers out of it.
 */
export function createRedactor(secrets: Iterable<Secret> = []): (text: string) => string {
  const forms = new Set<string>()
  for (const secret of secrets) for (const form of formsOf(secret.reveal())) forms.add(form)
  // Longest first: where one secret is part of another, nothing of the longer one stays.
  const patterns = [...forms].sort((a, b) => b.length - a.length).map(patternOf)
  const known = patterns.length > 0 ? new RegExp(patterns.join('|'), 'g') : undefined
  return (text) => {
    const cleaned = maskUserInfo(text).replace(AUTHORIZATION, '$1 ***')
    return known ? cleaned.replace(known, '***') : cleaned
  }
}

/** For text in which no particular secret is expected. */
export const redact = createRedactor()

/** A scheme and what looks like a token: “Basic authentication” is no secret. */
const AUTHORIZATION =
  /\b([Bb]asic|BASIC|[Bb]earer|BEARER|[Nn]egotiate|NTLM) +(?=[\w+/.~=-]*(?:[0-9+/=]|[a-z][A-Z]))[\w+/.~=-]{4,}/g

/** A shorter secret is taken out only where it stands as a word of its own, or every text would be full of stars. */
const MIN_SECRET_IN_WORDS = 4

function formsOf(text: string): string[] {
  if (text === '') return []
  const base64 = Buffer.from(text, 'utf8').toString('base64')
  return [text, encodeURIComponent(Buffer.from(text, 'utf8').toString('utf8')), base64]
}

function patternOf(form: string): string {
  const literal = form.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
  return form.length < MIN_SECRET_IN_WORDS ? `(?<!\\w)${literal}(?!\\w)` : literal
}
