import { readFileSync } from 'node:fs'

/** One line of `pac/conformance/*.txt`. */
export interface ExpressionCase {
  readonly where: string
  readonly source: string
  readonly expression: string
  /** JSON of the value, `undefined`, or `throws NAME`. */
  readonly expected: string
  readonly dns: ReadonlyMap<string, readonly string[]>
  readonly myIp: readonly string[]
  readonly now: number
  readonly tz: string
}

const DIRECTORY = new URL('../../../pac/conformance/', import.meta.url)
export const CASE_FILES = ['names.txt', 'glob.txt', 'addresses.txt', 'times.txt'] as const

export function readCases(file: (typeof CASE_FILES)[number]): ExpressionCase[] {
  const cases: ExpressionCase[] = []
  let state = { source: '', dns: new Map<string, string[]>(), myIp: ['192.0.2.1'], now: 0, tz: 'UTC' }
  for (const [index, line] of readFileSync(new URL(file, DIRECTORY), 'utf8').split('\n').entries()) {
    const where = `${file}:${index + 1}`
    const setting = /^(source|dns|my|now|tz):\s*(.*)$/.exec(line)
    if (setting) state = { ...state, ...read(setting[1]!, setting[2]!) }
    else if (line.trim() !== '' && !line.startsWith('#')) {
      const arrow = line.lastIndexOf(' => ')
      if (arrow < 0 || state.source === '') throw new Error(`${where}: expected EXPRESSION => VALUE under a source`)
      cases.push({ where, ...state, expression: line.slice(0, arrow), expected: line.slice(arrow + 4) })
    }
  }
  return cases
}

function read(key: string, value: string): object {
  switch (key) {
    case 'source':
      return { source: value }
    case 'dns':
      return {
        dns: new Map(
          list(value, ';').map((entry) => {
            const [name = '', addresses = ''] = entry.split('=').map((part) => part.trim())
            return [name, list(addresses, ',')]
          }),
        ),
      }
    case 'my':
      return { myIp: list(value, ',') }
    case 'now':
      return { now: Date.parse(value) }
    default:
      return { tz: value }
  }
}

function list(text: string, separator: string): string[] {
  return text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** A script that answers what the expression is worth. */
export function scriptFor(expression: string): string {
  return `function FindProxyForURL(url, host) {
  var value
  try { value = ${expression} } catch (error) { return 'throws ' + (error && error.name || error) }
  return value === undefined ? 'undefined' : JSON.stringify(value)
}`
}
