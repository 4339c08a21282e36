/** `isResolvable(host)`: has an IPv4 address. Through the global `dnsResolve`, which a script may replace. */
export const isResolvable = `
function isResolvable(host) {
  const answer = global.dnsResolve(host) != null
  if (room > 0) note('isResolvable', [host], answer)
  return answer
}
`
