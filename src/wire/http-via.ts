import { fieldValues, type RawFields } from './http-fields.ts'

/**
 * Via members looked at. A message that has been through more proxies than this is going round in circles somewhere else.
 */
const MAX_VIA_MEMBERS = 64

export type ViaFinding = 'fine' | 'loop' | 'too-many'

/** Whether a message has been here before: our pseudonym, random per process, stands in its Via (RFC 9110 §7.6.3). */
export function inspectVia(fields: RawFields, pseudonym: string): ViaFinding {
  let members = 0
  for (const value of fieldValues(fields, 'via')) {
    for (const member of value.split(',')) {
      if (++members > MAX_VIA_MEMBERS) return 'too-many'
      if (member.trim().split(/[ \t]+/)[1] === pseudonym) return 'loop'
    }
  }
  return 'fine'
}

/** Our own Via member for a message that was received as HTTP/1.`httpMinor`. */
export function viaMember(pseudonym: string, httpMinor: number): string {
  return `1.${httpMinor} ${pseudonym}`
}
