/** `localHostOrDomainIs(host, hostdom)`: the same name, or its first label alone. */
export const localHostOrDomainIs = `
function localHostOrDomainIs(host, hostdom) {
  const answer = host == hostdom || hostdom.lastIndexOf(host + '.', 0) == 0
  if (room > 0) note('localHostOrDomainIs', [host, hostdom], answer)
  return answer
}
`
