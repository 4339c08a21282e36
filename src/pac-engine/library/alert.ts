/** `alert(message)`: to the gateway's log, bounded; "undefined" without an argument, further arguments ignored, as in Chromium. */
export const alert = `
function alert(message) {
  if (alerts.length >= limits.alerts) { dropped++; return }
  let line
  try { line = text(message) } catch { return }
  alerts[alerts.length] = line.length > limits.chars ? cut(line, 0, limits.chars) + '…' : line
}
`
