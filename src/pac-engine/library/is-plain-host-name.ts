/** `isPlainHostName(host)`: no dot, and no IPv6 address. Throws for what is not a string, as in Chromium. */
export const isPlainHostName = `
function isPlainHostName(host) {
  if (typeof host !== 'string') throw new TypeError('Requires 1 string parameter')
  const answer = placeIn(host, '.', 0) < 0 && (placeIn(host, ':', 0) < 0 || ipv6(host) === null)
  if (room > 0) note('isPlainHostName', [host], answer)
  return answer
}
`
