import { found } from './found.ts'
import { ValueError } from './value-error.ts'

export interface DurationRange {
  readonly min: number
  readonly max: number
  /** Whether `off` is allowed; it reads as 0. */
  readonly off?: boolean
}

/** `30s`, `500ms`, `1h30m`, `2d`, or a number of milliseconds. The result is in milliseconds. */
export function parseDuration(value: unknown, { min, max, off = false }: DurationRange): number {
  if (off && value === 'off') return 0
  const ms = typeof value === 'number' ? value : typeof value === 'string' ? read(value) : undefined
  const expected = `a duration such as 30s, 500ms or 1h30m (a bare number is milliseconds)${off ? ', or off' : ''}`
  if (ms === undefined || !Number.isFinite(ms)) throw new ValueError(`${found(value)} is not a duration`, { expected })
  if (ms < min || ms > max) {
    throw new ValueError(`${found(value)} is out of range`, {
      expected: `from ${formatDuration(min)} to ${formatDuration(max)}${off ? ', or off' : ''}`,
    })
  }
  return Math.round(ms)
}

export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  let rest = ms
  let text = ''
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size)
    if (count > 0) text += `${count}${unit}`
    rest -= count * size
  }
  return text
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const

function read(text: string): number | undefined {
  if (!/^(?:\d{1,12}(?:\.\d{1,6})?(?:ms|[dhms]))+$/.test(text)) return undefined
  let total = 0
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[dhms])/g)) {
    total += Number(count) * (UNITS.find(([name]) => name === unit)?.[1] ?? Number.NaN)
  }
  return total
}
