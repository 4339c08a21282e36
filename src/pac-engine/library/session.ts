/**
 * What one evaluation knows and leaves behind. It lives in a closure that the script cannot reach. The helpers call methods that a script may
 * replace only where a browser's do (`split`, `substring`, `lastIndexOf`): it fools nobody but itself, for only text leaves the VM.
 *
 * On the path of every helper call, so measured: `var` where `let` and `const` would be checked for their initialisation at each use, and one
 * comparison with `fast` that says that an argument is a string, that nothing is to be recorded, and that a string's methods may be called as such.
 */
export const session = `
var global = globalThis
var dictionary = Object.create
var stringify = JSON.stringify
var text = String

// Name -> addresses joined with ';', or null: does not resolve. The own addresses stand under ''. Filled by the host.
var answers = dictionary(null)
var held = null     // the same of what begins again: what it was told before, which holds for it

var missing = bare() // names asked for that no one has looked up yet
var used = bare()    // names whose answers the script has seen
var usedSet = dictionary(null)
var calls = bare()   // helper calls: the first, and behind them the last, in a ring
var more = 0         // calls beyond what is kept
var room = 0         // 1: they are kept
var fast = 'string'  // what typeof says of a string; while calls are kept, or methods may be the script's, something it never says
var alerts = bare()
var dropped = 0      // alerts beyond the limit
var random = false   // asked for a random number

var MISS = { toString() { return 'a name is being looked up' } }

function reset(traced) {
  if (missing.length > 0) missing = bare()
  if (used.length > 0) { used = bare(); usedSet = dictionary(null) }
  if (calls.length > 0) { calls = bare(); more = 0 }
  if (alerts.length > 0) { alerts = bare(); dropped = 0 }
  room = traced ? 1 : 0
  fast = room > 0 || methods ? '' : 'string'
  random = false
}

// Whether the script may do things between the exception below and its end: it has a 'try', or an iterator.
var tries = false

// Whether the script may put methods of its own in the place of a string's: then none is called as such.
var methods = false

// The evaluation ends at the first name that is not known, and starts again when it is. A browser's end cannot be caught; of a script that
// does, the answer is not used, and neither is what it left in its variables: its VM is put back.
function lookup(name) {
  // Longer than any name (RFC 1035 §2.3.4); no such text may leave the VM.
  if (name.length > 255) return null
  let answer = held === null ? undefined : held[name]
  if (answer === undefined) answer = answers[name]
  if (answer === undefined) {
    if (isAddress(name)) return name
    if (used.length + missing.length >= limits.names) return null
    missing[missing.length] = name
    throw MISS
  }
  if (usedSet[name] === undefined) {
    // As in Chromium, which goes on and answers the rest with nothing.
    if (used.length >= limits.names) return null
    usedSet[name] = true
    used[used.length] = name
  }
  return answer
}

// In its usual form: nothing to look up. Others are left to the resolver.
function isAddress(name) {
  if (ipv4(name) < 0) return placeIn(name, ':', 0) >= 0 && ipv6(name) !== null
  for (let i = 0, first = true; i < name.length; i++) {
    if (first && name[i] === '0' && i + 1 < name.length && name[i + 1] !== '.') return false
    first = name[i] === '.'
  }
  return true
}

function shown(value) {
  const string = typeof value === 'string' ? value : typeof value === 'object' && value !== null ? '[object]' : text(value)
  return string.length > limits.chars ? cut(string, 0, limits.chars) + '…' : string
}

function note(name, args, answer) {
  if (calls.length >= limits.calls + limits.lastCalls && (more++, limits.lastCalls === 0)) return
  const texts = bare()
  for (let i = 0; i < args.length && i < 8; i++) texts[i] = shown(args[i])
  calls[more === 0 ? calls.length : limits.calls + (more - 1) % limits.lastCalls] = { name, args: texts, answer: shown(answer) }
}
`
