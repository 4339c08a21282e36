import type { ForwardRequest } from '../../wire/http-request-head.ts'

const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** RFC 9110 §9.2.2: what is idempotent may be sent again, and without a body nothing has been used up. */
export function isRepeatable(method: string | undefined, { framing }: ForwardRequest): boolean {
  return framing.kind === 'none' && IDEMPOTENT.has(method ?? '')
}
