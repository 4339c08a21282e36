/**
 * A row of evaluations: calls the script's function for each and packs what came of it into a line, for text is all that leaves the VM.
 * `=answer` when there is nothing else to say, otherwise a letter and JSON; `M`, the last one, when the script went on, or may have, after a name was
 * missing. Put together by hand: a script may have a toJSON on every array.
 */
export const find = `
// pac-resolver hands on a URL and a host. In the URL's place stands a JSON list, url, host, url, host …, in the host's a mark: 't' for helper calls to be recorded.
function find(row, mark) {
  // Nothing here may run the script's code: separators that are texts are asked for a method of theirs, regular expressions for several.
  const lines = parse(row)
  const traced = mark === 't'
  const count = lines.length
  let outcomes = ''
  for (let i = 0; i < count; i += 2) {
    if (!turn()) break
    if (i > 0) outcomes += '\\n'
    const outcome = findOne(lines[i], lines[i + 1], traced)
    outcomes += outcome
    if (outcome[0] === 'M') break
  }
  return outcomes
}

// The host's: it gives each query its time limit, and says whether it may begin at all. Nothing that the script can reach leads to it.
var turn

function findOne(url, host, traced) {
  reset(traced)
  let answer
  try {
    answer = apply(entryPoint(), global, [url, host])
  } catch (error) {
    if (missing.length === 0) return failure(describe(error))
    return (tries || missing.length > 1 || error !== MISS ? 'M' : 'm') + names()
  }
  if (missing.length > 0) return 'M' + names()
  if (typeof answer !== 'string') return failure(['type', typeOf(answer)])
  // What a script answers it mostly has answered before, and looking through a text costs more than comparing it.
  if (answer !== lastAnswer) {
    if (answer.length > limits.answer) return failure(['long', text(answer.length)])
    // A NUL would end the text on its way out of the VM, and hide what follows.
    if (contains(answer, '\\0')) return failure(['nul', 'a NUL character'])
    lastAnswer = answer
    oneLine = !contains(answer, '\\n')
  }
  if (used.length === 0 && calls.length === 0 && alerts.length === 0 && !random && oneLine) return '=' + answer
  return 'r[' + stringify(answer) + ',' + notes() + ']'
}

// A good one, and whether it has no line break.
var lastAnswer = '', oneLine = true

// Those that are missing, and those whose answers it was given before.
function names() {
  return '[' + list(missing) + ',' + list(used) + ']'
}

function failure(what) {
  return 'e[' + list(what) + ',' + notes() + ']'
}

function notes() {
  let traced = ''
  for (let i = 0; i < calls.length; i++) {
    const call = calls[i < limits.calls ? i : limits.calls + (i - limits.calls + more) % limits.lastCalls]
    traced += (i > 0 ? ',[' : '[') + stringify(call.name) + ',' + list(call.args) + ',' + stringify(call.answer) + ']'
  }
  return '{"used":' + list(used) + ',"calls":[' + traced + '],"alerts":' + list(alerts) +
    ',"moreCalls":' + more + ',"dropped":' + dropped + ',"random":' + random + '}'
}

// Of texts only: those have no toJSON.
function list(items) {
  let string = '['
  for (let i = 0; i < items.length; i++) string += (i > 0 ? ',' : '') + stringify(items[i])
  return string + ']'
}

// Looked up each time, as browsers do: a script may exchange it. A top-level const or let is no property of the global object.
function entryPoint() {
  if (lexicalEx !== null) return lexicalEx
  if (typeof global.FindProxyForURLEx === 'function') return global.FindProxyForURLEx
  if (typeof global.FindProxyForURL === 'function') return global.FindProxyForURL
  const found = lexical('FindProxyForURL')
  if (found === null) throw new TypeError('FindProxyForURL is undefined or not a function')
  return found
}

// Looked for once, after loading.
var lexicalEx = null

function lexical(name) {
  if (hasOwn(global, name)) return null
  return evaluate('typeof ' + name + ' === "function" ? ' + name + ' : null')
}

function typeOf(value) {
  if (value === null) return 'null'
  if (typeof value !== 'object') return typeof value
  return value instanceof PromiseClass ? 'a Promise' : 'an object'
}

// The thrown thing may be anything, with getters that throw in their turn.
function describe(error) {
  try {
    if (typeof error !== 'object' || error === null) return ['threw', shown(error), '']
    const name = shown(error.name), message = shown(error.message), stack = error.stack
    return ['threw', name === 'undefined' ? message : name + ': ' + message, typeof stack === 'string' ? cut(stack, 0, 2000) : '']
  } catch {
    return ['threw', 'something that cannot be shown', '']
  }
}

function learn(table, entries) {
  for (let i = 0; i < entries.length; i++) {
    if (entries[i].length === 1) delete table[entries[i][0]]
    else table[entries[i][0]] = entries[i][1]
  }
  return table
}

// The host's side of the session.
function control(operation, argument) {
  switch (operation) {
    case 'seal':
      turn = argument
      for (let i = 0; i < bridgeNames.length; i++) delete global[bridgeNames[i]]
      return ''
    case 'learn':
      learn(answers, parse(argument))
      return ''
    case 'hold':
      held = argument === '' ? null : learn(dictionary(null), parse(argument))
      return ''
    case 'replace':
      answers = dictionary(null)
      return control('learn', argument)
    case 'seed':
      seed(parse(argument))
      return ''
    case 'begin':
      tries = contains(argument, 't')
      methods = contains(argument, 'm')
      reset(true)
      return ''
    case 'notes':
      return 'r["",' + notes() + ']'
    case 'missing':
      return missing.length > 0 ? 'm' + names() : '='
    case 'loaded':
      methods = methods || hasReplaced()
      if (missing.length > 0) return 'm' + names()
      lexicalEx = lexical('FindProxyForURLEx')
      try { entryPoint() } catch (error) { return failure(describe(error)) }
      return 'r["",' + notes() + ']'
  }
}
`
