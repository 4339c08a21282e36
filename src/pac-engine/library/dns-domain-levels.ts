/** `dnsDomainLevels(host)`: the number of dots. */
export const dnsDomainLevels = `
function dnsDomainLevels(host) {
  const answer = host.split('.').length - 1
  if (room > 0) note('dnsDomainLevels', [host], answer)
  return answer
}
`
