/** `dnsResolveEx(host)`: every address, both families, separated by semicolons; "" when there is none, undefined for what is not a string. */
export const dnsResolveEx = `
function dnsResolveEx(host) {
  let answer
  if (typeof host === 'string') answer = (host.length === 0 ? null : lookup(host)) ?? ''
  if (room > 0) note('dnsResolveEx', [host], answer)
  return answer
}
`
