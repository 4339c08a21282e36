/** `myIpAddress()`: the address that the default route leaves from, IPv4 preferred; 127.0.0.1 when there is none. */
export const myIpAddress = `
function myIpAddress() {
  const all = lookup('')
  let answer = '127.0.0.1'
  if (all !== null) {
    const end = placeIn(all, ';', 0)
    answer = firstIPv4Of(all) ?? (end < 0 ? all : cut(all, 0, end))
  }
  if (room > 0) note('myIpAddress', [], answer)
  return answer
}
`
