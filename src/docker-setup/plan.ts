import { createHash } from 'node:crypto'
import { isEmptyObject, type JsonObject, type JsonPath, memberAt, rawAt, removeAt, setRaw } from './json-edit.ts'
import { type JsonNode, JsonSyntaxError, parseJsonTree } from './json-tree.ts'
import { DockerSetupError } from './setup-error.ts'

/** What was done to a file, so that it can be undone. Kept beside it. */
export interface UndoRecord {
  readonly version: 1
  /** The whole file as it was; null where there was none. */
  readonly original: string | null
  /** Of the file as it was left: while it is that, undoing is putting `original` back. */
  readonly appliedSha256: string
  readonly entries: readonly UndoEntry[]
  /** Objects that were made for the entries; they go when they are empty again. */
  readonly madeObjects: readonly JsonPath[]
  /** The outermost of the folders that were made for the file. */
  readonly madeFolder?: string
}

export interface UndoEntry {
  readonly path: JsonPath
  /** JSON texts: what stood there (null: nothing), and what was put there. */
  readonly before: string | null
  readonly after: string
}

/** What becomes of one key. `kept`: somebody has changed it since, so it is not ours to undo. */
export interface KeyChange {
  readonly path: JsonPath
  readonly kind: 'added' | 'replaced' | 'unchanged' | 'restored' | 'removed' | 'kept'
  readonly before?: string
  readonly after?: string
}

/** A file and its record as they shall be; `null`: not there. */
export interface Plan {
  readonly text: string | null
  readonly record: UndoRecord | null
  readonly changes: readonly KeyChange[]
}

/** The file with the wanted values in it. `file` is for messages. Throws `DockerSetupError` when the file cannot be understood. */
export function planApply(file: string, text: string | null, record: UndoRecord | null, wanted: JsonObject): Plan {
  const start = text === null || text.trim() === '' ? '{}\n' : text
  const root = parseObject(file, start)
  const entries = new Map((record?.entries ?? []).map((entry) => [keyOf(entry.path), entry]))
  const made = new Map((record?.madeObjects ?? []).map((path) => [keyOf(path), path]))
  const changes: KeyChange[] = []
  let next = start
  for (const [path, value] of leavesOf(wanted)) {
    checkParents(file, start, root, path)
    const after = JSON.stringify(value)
    const before = rawAt(next, path)
    if (before !== undefined && isSame(before, after)) {
      changes.push({ path, kind: 'unchanged', after })
      continue
    }
    for (const parent of parentsOf(path)) if (rawAt(next, parent) === undefined) made.set(keyOf(parent), parent)
    const ours = entries.get(keyOf(path))
    const wasOurs = ours !== undefined && before !== undefined && isSame(before, ours.after)
    entries.set(keyOf(path), { path, before: wasOurs ? ours.before : (before ?? null), after })
    next = setRaw(next, path, after)
    changes.push({ path, kind: before === undefined ? 'added' : 'replaced', ...(before ? { before } : {}), after })
  }
  if (next === start) return { text, record, changes }
  // What an editor of texts gets wrong must not reach an engine that then does not start.
  for (const [path, value] of leavesOf(wanted))
    if (!isSame(rawAt(next, path) ?? '', JSON.stringify(value))) throw new Error(`could not set ${path.join('.')}`)
  JSON.parse(next.replace(/^\ufeff/, ''))
  const original = record ? planRemove(file, text, record).text : text
  const applied = { original, appliedSha256: sha256(next), entries: [...entries.values()] }
  return { text: next, record: { version: 1, ...applied, madeObjects: [...made.values()] }, changes }
}

/** The file without what was put into it: byte for byte as it was, or, where it has been changed since, without our keys only. */
export function planRemove(file: string, text: string | null, record: UndoRecord | null): Plan {
  if (!record || text === null) return { text, record: null, changes: [] }
  if (text.trim() === '') return { text, record: null, changes: [] }
  parseObject(file, text)
  const changes: KeyChange[] = []
  let next = text
  for (const { path, before, after } of [...record.entries].reverse()) {
    const now = rawAt(next, path)
    if (now === undefined || !isSame(now, after)) {
      if (now !== undefined) changes.push({ path, kind: 'kept', before: now })
      continue
    }
    next = before === null ? removeAt(next, path) : setRaw(next, path, before)
    changes.push({ path, kind: before === null ? 'removed' : 'restored', ...(before ? { after: before } : {}) })
  }
  for (const path of [...record.madeObjects].sort((a, b) => b.length - a.length))
    if (isEmptyObject(next, path)) next = removeAt(next, path)
  if (sha256(text) === record.appliedSha256) return { text: record.original, record: null, changes }
  const isOurFile = record.original === null && isEmptyObject(next, [])
  return { text: isOurFile ? null : next, record: null, changes }
}

/** The record as it was kept; anything else is refused, for what it says is done. */
export function parseRecord(file: string, text: string): UndoRecord {
  try {
    const record = JSON.parse(text) as UndoRecord
    const isText = (value: unknown) => value === null || typeof value === 'string'
    const isPath = (path: unknown) =>
      Array.isArray(path) && path.length > 0 && path.every((key) => typeof key === 'string')
    const isEntry = (entry: UndoEntry) => isPath(entry.path) && isText(entry.before) && typeof entry.after === 'string'
    if (
      record.version === 1 &&
      isText(record.original) &&
      record.entries.every(isEntry) &&
      record.madeObjects.every(isPath) &&
      (record.madeFolder === undefined || typeof record.madeFolder === 'string')
    )
      return record
  } catch {
    // The same complaint below.
  }
  throw new DockerSetupError(
    `${file} is not a record of what was changed`,
    'Move it away, and undo by hand what it was for.',
  )
}

function parseObject(file: string, text: string): JsonNode {
  try {
    const root = parseJsonTree(text)
    if (root.members) return root
  } catch (thrown) {
    if (!(thrown instanceof JsonSyntaxError)) throw thrown
    throw new DockerSetupError(`${file}:${thrown.line}:${thrown.column}: ${thrown.message}`, NOTHING_WRITTEN)
  }
  throw new DockerSetupError(`${file}:1:1: this is no JSON object; expected { … }`, NOTHING_WRITTEN)
}

const NOTHING_WRITTEN = 'Nothing was written. Mend the file first; the engine and its clients cannot read it either.'

function checkParents(file: string, text: string, root: JsonNode, path: JsonPath): void {
  for (const parent of parentsOf(path)) {
    const member = memberAt(root, parent)
    if (!member || member.value.members) continue
    const before = text.slice(0, member.value.start).split('\n')
    throw new DockerSetupError(
      `${file}:${before.length}:${before.at(-1)!.length + 1}: ${parent.join('.')} is no JSON object; expected { … }`,
      NOTHING_WRITTEN,
    )
  }
}

function parentsOf(path: JsonPath): JsonPath[] {
  return path.slice(0, -1).map((_key, index) => path.slice(0, index + 1))
}

function leavesOf(wanted: JsonObject, above: JsonPath = []): [path: JsonPath, value: string][] {
  return Object.entries(wanted).flatMap(([key, value]): [JsonPath, string][] =>
    typeof value === 'string' ? [[[...above, key], value]] : leavesOf(value, [...above, key]),
  )
}

function isSame(one: string, other: string): boolean {
  try {
    return JSON.stringify(JSON.parse(one)) === JSON.stringify(JSON.parse(other))
  } catch {
    return false
  }
}

function keyOf(path: JsonPath): string {
  return JSON.stringify(path)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
