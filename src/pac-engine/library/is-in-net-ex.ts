/** `isInNetEx(address, prefix)`: `2001:db8::/32` or `10.0.0.0/8`; of two families the IPv4 one counts as IPv4-mapped. Names are not resolved. */
export const isInNetEx = `
function isInNetEx(address, prefix) {
  const answer = typeof address === 'string' && typeof prefix === 'string' ? inPrefix(address, prefix) : null
  if (room > 0) note('isInNetEx', [address, prefix], answer)
  return answer
}

// ASCII white space, as Chromium's ParseCIDRBlock does.
function trimmed(part) {
  let start = 0, end = part.length
  while (start < end && isBlank(codeAt(part, start))) start++
  while (end > start && isBlank(codeAt(part, end - 1))) end--
  return cut(part, start, end)
}

function isBlank(code) {
  return code === 32 || code >= 9 && code <= 13
}

function inPrefix(address, prefix) {
  const slash = placeIn(prefix, '/', 0)
  if (slash < 0) return false
  const net = ipLiteral(trimmed(cut(prefix, 0, slash)))
  const host = ipLiteral(address)
  if (net === null || host === null) return false
  let length = 0
  const digits = trimmed(cut(prefix, slash + 1))
  if (digits === '') return false
  for (let i = 0; i < digits.length; i++) {
    const code = codeAt(digits, i)
    if (code < 48 || code > 57) return false
    length = length * 10 + code - 48
    if (length > net.bits) return false
  }
  // Only an IPv6 prefix against an IPv6 address looks at the groups before the mapped address.
  let bits = net.bits === 32 ? length + 96 : length
  for (let i = 0; i < 8 && bits > 0; i++, bits -= 16) {
    const mask = bits >= 16 ? 0xffff : (0xffff << (16 - bits)) & 0xffff
    if ((host.groups[i] ^ net.groups[i]) & mask) return false
  }
  return true
}
`
