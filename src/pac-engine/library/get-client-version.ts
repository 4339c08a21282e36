/** `getClientVersion()`: Microsoft's extension; the version of the function set. */
export const getClientVersion = `
function getClientVersion() {
  return '1.0'
}
`
