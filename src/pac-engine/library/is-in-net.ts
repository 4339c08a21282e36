/**
 * `isInNet(host, pattern, mask)`: IPv4 only; a name is resolved through the global `dnsResolve`. `isValidIpAddress` and `convert_addr` are
 * no documented functions, but every browser's library leaves them lying about, scripts in the field call them, and one that has its own changes `isInNet`.
 */
export const isInNet = `
function isInNet(ipaddr, pattern, maskstr) {
  const answer = inNet(ipaddr, pattern, maskstr)
  if (room > 0) note('isInNet', [ipaddr, pattern, maskstr], answer)
  return answer
}

function inNet(ipaddr, pattern, maskstr) {
  if (global.isValidIpAddress !== isValidIpAddress || global.convert_addr !== convert_addr) return inNetByScript(ipaddr, pattern, maskstr)
  const net = ipv4Of(pattern)
  const mask = ipv4Of(maskstr)
  if (net < 0 || mask < 0) return false
  let address = lastAddress
  if (ipaddr !== lastText) {
    address = ipv4(typeof ipaddr === 'string' ? ipaddr : text(ipaddr))
    lastText = ipaddr
    lastAddress = address
  }
  if (address < 0) {
    const resolved = global.dnsResolve(ipaddr)
    if (resolved == null) return false
    address = convert_addr(resolved)
  }
  return ((address ^ net) & mask) === 0
}

// By what a script has put in the place of these two.
function inNetByScript(ipaddr, pattern, maskstr) {
  if (!global.isValidIpAddress(pattern) || !global.isValidIpAddress(maskstr)) return false
  let address = ipaddr
  if (!global.isValidIpAddress(ipaddr)) {
    address = global.dnsResolve(ipaddr)
    if (address == null) return false
  }
  const host = global.convert_addr(address), net = global.convert_addr(pattern), mask = global.convert_addr(maskstr)
  return (host & mask) == (net & mask)
}

// Scripts ask for one address and many nets.
var lastText, lastAddress = -1

// The nets and masks of a script are few and come again and again.
var nets = dictionary(null)
var netCount = 0
function ipv4Of(string) {
  if (typeof string !== 'string') string = text(string)
  let value = nets[string]
  if (value === undefined) {
    if (++netCount > 1000) { nets = dictionary(null); netCount = 1 }
    value = nets[string] = ipv4(string)
  }
  return value
}

function isValidIpAddress(ipchars) {
  return ipv4(text(ipchars)) >= 0
}

function convert_addr(ipchars) {
  const bytes = ipchars.split('.')
  return ((bytes[0] & 0xff) << 24) | ((bytes[1] & 0xff) << 16) | ((bytes[2] & 0xff) << 8) | (bytes[3] & 0xff)
}
`
