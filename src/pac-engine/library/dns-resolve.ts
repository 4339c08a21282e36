/** `dnsResolve(host)`: the first IPv4 address, or null. Not a string: null, as in Chromium. */
export const dnsResolve = `
function dnsResolve(host) {
  const answer = firstIPv4(host)
  if (room > 0) note('dnsResolve', [host], answer)
  return answer
}

function firstIPv4(host) {
  if (typeof host !== 'string' || host.length === 0) return null
  const found = lookup(host)
  return found === null ? null : firstIPv4Of(found)
}

function firstIPv4Of(found) {
  let start = 0
  while (start < found.length) {
    let end = placeIn(found, ';', start)
    if (end < 0) end = found.length
    const address = cut(found, start, end)
    if (ipv4(address) >= 0) return address
    start = end + 1
  }
  return null
}
`
