import { z } from 'zod'

export interface ValueErrorDetails {
  /** What would have been right, to follow "expected". */
  readonly expected?: string
  /** What to do. One sentence. */
  readonly hint?: string
  /** Where in the value it went wrong: characters from its start. */
  readonly offset?: number
  /** Which entry of a list, where the value is one. */
  readonly index?: number
}

/** A value that cannot be used. The message holds no secret and no position: where it stands is known to whoever read the file. */
export class ValueError extends Error {
  readonly details: ValueErrorDetails

  constructor(message: string, details: ValueErrorDetails = {}) {
    super(message)
    this.details = details
  }
}

/** A parser as a part of the schema. Every `ValueError` it throws is reported where the value stands. */
export function parsedBy<T>(parse: (value: unknown) => T) {
  return z.unknown().transform((value, context): T => {
    try {
      return parse(value)
    } catch (thrown) {
      if (!(thrown instanceof ValueErrors) && !(thrown instanceof ValueError)) throw thrown
      for (const error of thrown instanceof ValueErrors ? thrown.errors : [thrown]) {
        const { index } = error.details
        context.issues.push({
          code: 'custom',
          message: error.message,
          input: undefined,
          params: { ...error.details },
          ...(index === undefined ? {} : { path: [index] }),
        })
      }
      return z.NEVER
    }
  })
}

/** Several at once, as a list has them. */
export class ValueErrors extends Error {
  readonly errors: readonly ValueError[]

  constructor(errors: readonly ValueError[]) {
    super(errors.map((error) => error.message).join('; '))
    this.errors = errors
  }
}
