import { found } from './found.ts'
import { ValueError } from './value-error.ts'

/** `64KiB`, `1MiB`, or a number of bytes. The result is in bytes. */
export function parseByteSize(value: unknown, { min, max }: { readonly min: number; readonly max: number }): number {
  const bytes = typeof value === 'number' ? value : typeof value === 'string' ? read(value) : undefined
  if (bytes === undefined || !Number.isInteger(bytes)) {
    throw new ValueError(`${found(value)} is not a size`, {
      expected: 'a size such as 64KiB or 1MiB (a bare number is bytes)',
    })
  }
  if (bytes < min || bytes > max) {
    throw new ValueError(`${found(value)} is out of range`, {
      expected: `from ${formatByteSize(min)} to ${formatByteSize(max)}`,
    })
  }
  return bytes
}

export function formatByteSize(bytes: number): string {
  for (const [unit, size] of UNITS) if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`
  return String(bytes)
}

const UNITS = [
  ['MiB', 1024 * 1024],
  ['KiB', 1024],
  ['B', 1],
] as const

function read(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,12})(MiB|KiB|B)?$/i.exec(text) ?? []
  if (count === undefined) return undefined
  const size = UNITS.find(([name]) => name.toLowerCase() === unit?.toLowerCase())?.[1] ?? 1
  return Number(count) * size
}
