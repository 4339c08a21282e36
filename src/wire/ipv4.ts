/**
 * An IPv4 address as a number, from any spelling that WHATWG URL reads as one: `10.1.2.3`, `127.1`, `0x7f000001`, `0177.0.0.1`, `1.2.3.4.`.
 * Whatever else reads addresses (getaddrinfo, curl, browsers) reads these too, so they must be recognised and not taken for names.
 */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split('.', MAX_PARTS + 2)
  if (parts.length > 1 && parts.at(-1) === '') parts.pop()
  if (parts.length > MAX_PARTS) return undefined
  const numbers: number[] = []
  for (const part of parts) {
    const number = parseNumber(part)
    if (number === undefined) return undefined
    numbers.push(number)
  }
  // The last number fills all the bytes that are left; those before it are one byte each.
  const last = numbers.pop()!
  if (last >= 256 ** (MAX_PARTS - numbers.length)) return undefined
  let address = last
  for (const [place, number] of numbers.entries()) {
    if (number > 255) return undefined
    address += number * 256 ** (3 - place)
  }
  return address
}

const MAX_PARTS = 4

function parseNumber(text: string): number | undefined {
  if (/^0x[0-9a-f]*$/i.test(text)) return text.length === 2 ? 0 : Number.parseInt(text, 16)
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8)
  return /^(?:0|[1-9][0-9]*)$/.test(text) ? Number.parseInt(text, 10) : undefined
}

/** True for four decimal bytes without leading zeros, the only spelling that is canonical. */
export function isDottedIpv4(text: string): boolean {
  return DOTTED.test(text)
}

const DOTTED = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/

export function formatIpv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`
}
