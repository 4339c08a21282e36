/** A JSON value with where it stands in its text: UTF-16 units from the start, `end` exclusive. */
export interface JsonNode {
  readonly start: number
  readonly end: number
  /** Members of an object, in their order; absent for every other value. */
  readonly members?: readonly JsonMember[]
}

export interface JsonMember {
  readonly key: string
  readonly keyStart: number
  readonly value: JsonNode
}

/** A text that is no JSON, and where it stops being it: line and column from 1. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError'
  readonly line: number
  readonly column: number

  constructor(message: string, text: string, offset: number) {
    super(message)
    const before = text.slice(0, offset).split('\n')
    this.line = before.length
    this.column = before.at(-1)!.length + 1
  }
}

/** Levels of objects and lists: deeper than any file of Docker's, and far from the end of the stack. */
const MAX_DEPTH = 100

/** Reads a JSON text (RFC 8259) into places; a byte order mark at its start is passed over. Throws `JsonSyntaxError`. */
export function parseJsonTree(text: string): JsonNode {
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0
  const fail = (message: string, offset = at): never => {
    throw new JsonSyntaxError(message, text, offset)
  }
  const skipBlanks = () => {
    while (at < text.length && ' \t\r\n'.includes(text[at]!)) at += 1
  }
  const literal = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    if (found !== undefined) at += found.length
    return found
  }
  const string = (): string => {
    const start = at
    const found = literal(STRING)
    if (found === undefined)
      fail(text.indexOf('"', at + 1) < 0 ? 'this text is not closed' : 'this text is not JSON', start)
    return JSON.parse(found!) as string
  }
  const members = (depth: number): JsonMember[] => {
    const list: JsonMember[] = []
    at += 1
    skipBlanks()
    while (text[at] !== '}') {
      if (text[at] !== '"')
        fail(whatStandsHere(text[at], list.length > 0 ? 'a key in quotes' : 'a key in quotes, or }'))
      const keyStart = at
      const key = string()
      skipBlanks()
      if (text[at] !== ':') fail(whatStandsHere(text[at], 'a colon after the key'))
      at += 1
      list.push({ key, keyStart, value: value(depth) })
      if (text[at] === ',') {
        at += 1
        skipBlanks()
        if (text[at] === '}') fail('this } comes after a comma; expected another key, or no comma')
      } else if (text[at] !== '}') fail(whatStandsHere(text[at], 'a comma or }'))
    }
    at += 1
    return list
  }
  const elements = (depth: number): void => {
    at += 1
    skipBlanks()
    if (text[at] === ']') {
      at += 1
      return
    }
    for (;;) {
      value(depth)
      if (text[at] === ']') break
      if (text[at] !== ',') fail(whatStandsHere(text[at], 'a comma or ]'))
      at += 1
    }
    at += 1
  }
  /** One value and the blanks on both its sides. */
  const value = (depth: number): JsonNode => {
    skipBlanks()
    const start = at
    if (depth > MAX_DEPTH) fail(`more than ${MAX_DEPTH} levels`)
    let inside: JsonMember[] | undefined
    if (text[at] === '{') inside = members(depth + 1)
    else if (text[at] === '[') elements(depth + 1)
    else if (text[at] === '"') string()
    else if (literal(WORD) === undefined) fail(whatStandsHere(text[at], 'a value'))
    const end = at
    skipBlanks()
    return { start, end, ...(inside ? { members: inside } : {}) }
  }
  const root = value(0)
  if (at < text.length) fail(whatStandsHere(text[at], 'the end of the file'))
  return root
}

const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const WORD = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])/y

function whatStandsHere(character: string | undefined, expected: string): string {
  const what = character === undefined ? 'the file ends here' : `${JSON.stringify(character)} cannot stand here`
  return `${what}; expected ${expected}`
}
