/** Address literals inside the VM: IPv4 as an unsigned number, IPv6 as eight groups. */
export const ipAddress = `
// Strict dotted decimal, up to three digits each: -1 when it is not. Leading zeros are decimal, as in the classic isInNet.
function ipv4(string) {
  let value = 0, octet = 0, digits = 0, dots = 0
  const length = string.length
  if (length < 7 || length > 15) return -1
  for (let i = 0; i < length; i++) {
    const code = codeAt(string, i)
    if (code === 46) {
      if (digits === 0 || ++dots > 3) return -1
      value = value * 256 + octet
      octet = digits = 0
    } else {
      if (code < 48 || code > 57 || ++digits > 3) return -1
      octet = octet * 10 + code - 48
      if (octet > 255) return -1
    }
  }
  return dots === 3 && digits > 0 ? value * 256 + octet : -1
}

// RFC 4291 text without zone: eight groups, or null.
function ipv6(string) {
  const groups = bare()
  let gap = -1, i = 0
  const length = string.length
  if (length < 2 || length > 45) return null
  if (codeAt(string, 0) === 58) {
    if (codeAt(string, 1) !== 58) return null
    gap = 0
    i = 2
  }
  while (i < length) {
    if (groups.length === 8) return null
    let value = 0, digits = 0
    const start = i
    for (; i < length; i++) {
      const code = codeAt(string, i) | 32
      const digit = code >= 97 && code <= 102 ? code - 87 : code >= 48 && code <= 57 ? code - 48 : -1
      if (digit < 0 || codeAt(string, i) < 48) break
      if (++digits > 4) break
      value = value * 16 + digit
    }
    if (i < length && codeAt(string, i) === 46) {
      const tail = ipv4(cut(string, start))
      if (tail < 0 || groups.length > 6) return null
      groups[groups.length] = tail / 65536 | 0
      groups[groups.length] = tail % 65536
      i = length
      break
    }
    if (digits === 0 || digits > 4) return null
    groups[groups.length] = value
    if (i === length) break
    if (codeAt(string, i) !== 58) return null
    if (++i === length) return null
    if (codeAt(string, i) === 58) {
      if (gap >= 0) return null
      gap = groups.length
      i++
    }
  }
  if (gap < 0) return groups.length === 8 ? groups : null
  if (groups.length > 7) return null
  const full = [0, 0, 0, 0, 0, 0, 0, 0]
  for (let k = 0; k < gap; k++) full[k] = groups[k]
  for (let k = gap; k < groups.length; k++) full[8 - groups.length + k] = groups[k]
  return full
}

// Both families in one form: IPv4 as IPv4-mapped IPv6 (RFC 4291 2.5.5.2), with its real width.
function ipLiteral(string) {
  const number = ipv4(string)
  if (number >= 0) return { bits: 32, groups: [0, 0, 0, 0, 0, 0xffff, number / 65536 | 0, number % 65536] }
  const groups = ipv6(string)
  return groups === null ? null : { bits: 128, groups }
}
`
