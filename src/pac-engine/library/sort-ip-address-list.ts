/** `sortIpAddressList(list)`: IPv6 before IPv4, ascending, texts as they were; false when one is no address, null for what is not a string. */
export const sortIpAddressList = String.raw`
function sortIpAddressList(list) {
  const answer = typeof list === 'string' && !notAscii(list) ? sorted(list) : null
  if (room > 0) note('sortIpAddressList', [list], answer)
  return answer
}

function sorted(list) {
  const found = bare()
  let start = 0
  list = withoutBlanks(list)
  while (start <= list.length) {
    let end = placeIn(list, ';', start)
    if (end < 0) end = list.length
    if (end > start) {
      const string = cut(list, start, end)
      const literal = ipLiteral(string)
      if (literal === null) return false
      insert(found, { string, bits: literal.bits, groups: literal.groups })
    }
    start = end + 1
  }
  if (found.length === 0) return false
  let answer = found[0].string
  for (let i = 1; i < found.length; i++) answer += ';' + found[i].string
  return answer
}

function withoutBlanks(string) {
  let answer = ''
  for (let i = 0; i < string.length; i++) if (string[i] !== ' ' && string[i] !== '\t') answer += string[i]
  return answer
}

// Lists are short; equal addresses keep their order.
function insert(found, entry) {
  let at = found.length
  while (at > 0 && before(entry, found[at - 1])) { found[at] = found[at - 1]; at-- }
  found[at] = entry
}

function before(a, b) {
  if (a.bits !== b.bits) return a.bits > b.bits
  for (let i = 0; i < 8; i++) if (a.groups[i] !== b.groups[i]) return a.groups[i] < b.groups[i]
  return false
}
`
