import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { toGatewayError } from '../contracts/gateway-error.ts'
import { EXIT } from './exit-code.ts'
import type { Io } from './io.ts'

/** Characters of one line; a PAC script of 1 MiB may stand in one, with its escapes. */
const MAX_LINE = 8 * 1024 * 1024

/** What a batch answers for a line it can't serve: never silence, never the end of the batch. */
export interface LineError {
  readonly code: string
  readonly message: string
}

/**
 * One JSON object a line in (`-` is standard input), one a line out, in order, with the same `id`. `answer` gives the rest of the output
 * object or throws. Lines are independent: a bad one gets an `error` and the others go on.
 */
export async function runBatch(
  file: string,
  io: Io,
  answer: (line: Record<string, unknown>) => object | Promise<object>,
): Promise<number> {
  const input = file === '-' ? process.stdin : createReadStream(file, 'utf8')
  const failure = new Promise<never>((_, reject) => input.once('error', reject))
  failure.catch(() => {})
  let number = 0
  try {
    const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]()
    for (;;) {
      const next = await Promise.race([lines.next(), failure])
      if (next.done) return EXIT.done
      number += 1
      // A byte order mark is how Windows programs begin a file.
      const line = number === 1 ? next.value.replace(/^\ufeff/, '') : next.value
      if (line.trim() === '') continue
      io.out(`${JSON.stringify(await answerLine(line, number, answer))}\n`)
    }
  } catch (thrown) {
    io.err(`cannot read ${file}: ${(thrown as Error).message}\n`)
    return EXIT.failed
  }
}

async function answerLine(
  text: string,
  number: number,
  answer: (line: Record<string, unknown>) => object | Promise<object>,
): Promise<object> {
  let id: unknown = null
  try {
    if (text.length > MAX_LINE) throw new LineFault('BAD_LINE', `line ${number} is longer than ${MAX_LINE} characters`)
    const line = parseLine(text, number)
    id = line['id'] ?? null
    return { id, ...(await answer(line)) }
  } catch (thrown) {
    return { id, error: describe(thrown) }
  }
}

/** A fault of one line of a batch. */
export class LineFault extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

function parseLine(text: string, number: number): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new LineFault('BAD_LINE', `line ${number} is not JSON: ${(cause as Error).message}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LineFault('BAD_LINE', `line ${number} is not a JSON object`)
  }
  return value as Record<string, unknown>
}

function describe(thrown: unknown): LineError {
  if (thrown instanceof LineFault) return { code: thrown.code, message: thrown.message }
  const { code, message } = toGatewayError(thrown)
  return { code, message }
}
