/** `myIpAddressEx()`: every own address, separated by semicolons; "" when there is none. */
export const myIpAddressEx = `
function myIpAddressEx() {
  const answer = lookup('') ?? ''
  if (room > 0) note('myIpAddressEx', [], answer)
  return answer
}
`
