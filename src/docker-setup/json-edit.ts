import { type JsonMember, type JsonNode, parseJsonTree } from './json-tree.ts'

export type JsonPath = readonly string[]
export type JsonObject = { readonly [key: string]: string | JsonObject }

/** The member that a path leads to; undefined where there is none. Of a key that stands twice, programs take the last, and so do we. */
export function memberAt(root: JsonNode, path: JsonPath): JsonMember | undefined {
  let node: JsonNode | undefined = root
  let found: JsonMember | undefined
  for (const key of path) {
    found = node?.members?.findLast((member) => member.key === key)
    node = found?.value
  }
  return found
}

/** The source text of the value at a path. */
export function rawAt(text: string, path: JsonPath): string | undefined {
  const member = memberAt(parseJsonTree(text), path)
  return member && text.slice(member.value.start, member.value.end)
}

/** The text with another value at a path whose parents are objects. `raw` is JSON. Nothing else changes; a new key comes last, in the style of the file. */
export function setRaw(text: string, path: JsonPath, raw: string): string {
  const root = parseJsonTree(text)
  const member = memberAt(root, path)
  if (member) return replace(text, member.value.start, member.value.end, raw)
  const parents = path.slice(0, -1)
  const missing = parents.findIndex((_key, index) => !memberAt(root, parents.slice(0, index + 1)))
  if (missing < 0) return insert(text, nodeAt(root, parents), path.at(-1)!, raw, path.length)
  const inner = path.slice(missing + 1).reduceRight<string>((value, key) => `{${JSON.stringify(key)}:${value}}`, raw)
  const at = path.slice(0, missing + 1)
  return insert(text, nodeAt(root, at.slice(0, -1)), at.at(-1)!, inner, at.length)
}

/** The text without the member at a path, its comma and the blanks that came with it. */
export function removeAt(text: string, path: JsonPath): string {
  const root = parseJsonTree(text)
  const member = memberAt(root, path)
  if (!member) return text
  const parent = nodeAt(root, path.slice(0, -1))
  const siblings = parent.members ?? []
  const index = siblings.indexOf(member)
  const before = siblings[index - 1]
  const after = siblings[index + 1]
  if (before) return replace(text, before.value.end, member.value.end, '')
  if (after) return replace(text, member.keyStart, after.keyStart, '')
  return replace(text, parent.start + 1, parent.end - 1, '')
}

export function isEmptyObject(text: string, path: JsonPath): boolean {
  const node = path.length === 0 ? parseJsonTree(text) : memberAt(parseJsonTree(text), path)?.value
  return node?.members?.length === 0
}

function nodeAt(root: JsonNode, path: JsonPath): JsonNode {
  return path.length === 0 ? root : memberAt(root, path)!.value
}

/** `depth`: how many objects the new member stands in. */
function insert(text: string, parent: JsonNode, key: string, raw: string, depth: number): string {
  const style = styleOf(text)
  const last = parent.members?.at(-1)
  const isOneLine = last ? !text.slice(parent.start, last.keyStart).includes('\n') : style.isOneLine
  if (isOneLine) {
    const member = `${JSON.stringify(key)}: ${onOneLine(raw)}`
    if (last) return replace(text, last.value.end, last.value.end, `, ${member}`)
    return replace(text, parent.start + 1, parent.end - 1, depth > 1 ? ` ${member} ` : member)
  }
  const indent = last ? indentBefore(text, last.keyStart) : style.unit.repeat(depth)
  const member = `${indent}${JSON.stringify(key)}: ${onManyLines(raw, indent, style)}`
  if (last) return replace(text, last.value.end, last.value.end, `,${style.newline}${member}`)
  const outer = indent.slice(0, Math.max(0, indent.length - style.unit.length))
  return replace(text, parent.start + 1, parent.end - 1, `${style.newline}${member}${style.newline}${outer}`)
}

interface Style {
  readonly newline: string
  /** One level. */
  readonly unit: string
  readonly isOneLine: boolean
}

/** As the file is written: its line ends, and the indentation of its first key. An empty object says nothing: then as Docker writes it. */
function styleOf(text: string): Style {
  const first = /\n([ \t]+)"/.exec(text)?.[1]
  const isOneLine = /"/.test(text) && first === undefined && !/\{\s*\n/.test(text)
  return { newline: text.includes('\r\n') ? '\r\n' : '\n', unit: first ?? '\t', isOneLine }
}

function indentBefore(text: string, offset: number): string {
  return /[ \t]*$/.exec(text.slice(0, offset))?.[0] ?? ''
}

function onOneLine(raw: string): string {
  if (!raw.startsWith('{')) return raw
  const members = Object.entries(JSON.parse(raw) as Record<string, unknown>)
  return `{ ${members.map(([key, value]) => `${JSON.stringify(key)}: ${onOneLine(JSON.stringify(value))}`).join(', ')} }`
}

function onManyLines(raw: string, indent: string, { newline, unit }: Style): string {
  if (!raw.startsWith('{')) return raw
  return JSON.stringify(JSON.parse(raw), undefined, unit).replaceAll('\n', `${newline}${indent}`)
}

function replace(text: string, from: number, to: number, by: string): string {
  return text.slice(0, from) + by + text.slice(to)
}
