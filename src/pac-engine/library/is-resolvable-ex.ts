/** `isResolvableEx(host)`: has an address of either family. */
export const isResolvableEx = `
function isResolvableEx(host) {
  const answer = global.dnsResolveEx(host) != ''
  if (room > 0) note('isResolvableEx', [host], answer)
  return answer
}
`
