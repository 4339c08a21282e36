import { found } from './found.ts'
import { ValueError } from './value-error.ts'

/** Both ends included. */
export interface PortRange {
  readonly from: number
  readonly to: number
}

/** `"80,443"`, `"8000-8999"`, `"*"`, a number, or a list of these. An empty text is no port. Sorted, overlaps joined. */
export function parsePortRanges(value: unknown): readonly PortRange[] {
  const texts = (Array.isArray(value) ? value : [value]).flatMap((part) => {
    if (typeof part === 'number') return [String(part)]
    if (typeof part !== 'string') throw new ValueError(`${found(part)} is no port`, { expected })
    return part.split(/[,;\s]+/).filter((text) => text !== '')
  })
  return join(texts.map(readRange))
}

export function formatPortRanges(ranges: readonly PortRange[]): string {
  if (ranges[0]?.from === 1 && ranges[0].to === MAX_PORT) return '*'
  return ranges.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`)).join(',')
}

const MAX_PORT = 65_535
const expected = 'ports such as "80,443", "8000-8999" or "*"'

function readRange(text: string): PortRange {
  if (text === '*') return { from: 1, to: MAX_PORT }
  const [, first, last] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? []
  if (first === undefined) throw new ValueError(`${found(text)} is no port`, { expected })
  const from = Number(first)
  const to = last === undefined ? from : Number(last)
  if (from < 1 || to > MAX_PORT)
    throw new ValueError(`${found(text)} is no port`, { expected: 'ports from 1 to 65535' })
  if (from > to) throw new ValueError(`${found(text)} runs backwards`, { expected: `${to}-${from}` })
  return { from, to }
}

function join(ranges: readonly PortRange[]): PortRange[] {
  const joined: PortRange[] = []
  for (const range of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = joined.at(-1)
    if (last && range.from <= last.to + 1)
      joined[joined.length - 1] = { from: last.from, to: Math.max(last.to, range.to) }
    else joined.push(range)
  }
  return joined
}
