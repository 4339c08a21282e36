import { type Document, isScalar, parseDocument } from 'yaml'
import type { KeyPath } from '../key-path.ts'
import type { Excerpt } from '../problem.ts'
import { makeExcerpt } from './excerpt.ts'
import { lineStart } from './line-start.ts'
import { charactersInto, locateNode } from './locate-node.ts'
import { nestingFault } from './nesting.ts'
import { faultyLineRanges } from './secret-looks.ts'
import { type Range, secretRanges } from './secret-ranges.ts'
import { structureFaults } from './structure-faults.ts'
import { type Fault, syntaxFault } from './syntax-faults.ts'

export interface Place {
  readonly line: number
  readonly column: number
  readonly excerpt: Excerpt
  /** As much of the path as stands in the file. */
  readonly path: KeyPath
}

export interface LocateOptions {
  /** The key itself rather than its value. */
  readonly key?: boolean
  /** Characters into a text value. */
  readonly offset?: number
}

/** A settings text that has been read: its data, and where each value stands. */
export interface YamlText {
  readonly data: unknown
  locate(path: KeyPath, options?: LocateOptions): Place
}

export interface PlacedFault extends Fault {
  readonly place: Place
}

export type YamlOutcome =
  | { readonly yaml: YamlText; readonly faults?: undefined }
  | { readonly yaml?: undefined; readonly faults: readonly PlacedFault[] }

/** Reads YAML 1.2 (of which JSON is a part), strictly: one document, no tags of one's own, each key once. */
export function parseYaml(text: string): YamlOutcome {
  const early = nestingFault(text) ?? controlCharacterFault(text)
  if (early) return { faults: [{ ...early, place: placeOf(text, early.offset, faultyLine(text)) }] }

  const document: Document = parseDocument(text, {
    version: '1.2',
    prettyErrors: false,
    stringKeys: true,
    // The library compares every key with every other; `structureFaults` finds doubles in linear time.
    uniqueKeys: false,
  })
  const faults = [...document.errors, ...document.warnings].map((error) => syntaxFault(error, text))
  if (faults.length === 0) faults.push(...structureFaults(document))
  const data = faults.length === 0 ? plainData(document, faults) : undefined
  if (faults.length > 0) return { faults: firstFaults(faults, text) }
  const secrets = secretRanges(document, text)
  const secretsOn: SecretsOn = (start, end) => secrets.filter(([from, to]) => from < end && to > start)
  const locate = (path: KeyPath, { key = false, offset }: LocateOptions = {}): Place => {
    const located = locateNode(document, path, key)
    const inside = offset === undefined ? 0 : charactersInto(located.node, text, offset)
    return placeOf(text, located.offset + inside, secretsOn, located.path)
  }
  return { yaml: { data, locate } }
}

/** Aliases that may be followed, counted with what they hold: keeps a few lines from standing for millions. */
const MAX_ALIASES = 100

function plainData(document: Document, faults: Fault[]): unknown {
  try {
    return isEmpty(document.contents) ? {} : document.toJS({ maxAliasCount: MAX_ALIASES })
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error
    faults.push({ offset: 0, message: 'too much stands for too little: aliases of aliases', expected: 'plain values' })
    return undefined
  }
}

/** Nothing but comments and `---`: all defaults. A `null` that somebody wrote is something else. */
function isEmpty(contents: unknown): boolean {
  return contents === null || (isScalar(contents) && contents.value === null && contents.source === '')
}

/** YAML 1.2 §5.1 leaves these out; the library lets them pass. */
function controlCharacterFault(text: string): Fault | undefined {
  const offset = text.search(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/)
  if (offset < 0) return undefined
  const code = text.charCodeAt(offset).toString(16).padStart(2, '0')
  return { offset, message: `a control character (0x${code}) stands in the file`, expected: 'text' }
}

/** Faults of syntax that are told: what follows the first few is often only their echo. */
const MAX_FAULTS = 20

/** In order, one for each line: a second one there is nearly always an echo of the first. */
function firstFaults(faults: readonly Fault[], text: string): PlacedFault[] {
  const placed: PlacedFault[] = []
  for (const fault of [...faults].sort((a, b) => a.offset - b.offset)) {
    const previous = placed.at(-1)
    if (previous && !text.slice(previous.offset, fault.offset).includes('\n')) continue
    if (placed.length === MAX_FAULTS) break
    placed.push({ ...fault, place: placeOf(text, fault.offset, faultyLine(text)) })
  }
  return placed
}

/** The secrets on the line between two places. */
type SecretsOn = (start: number, end: number) => readonly Range[]

/** The tree of a faulty text says nothing reliable. */
function faultyLine(text: string): SecretsOn {
  return (start, end) => faultyLineRanges(text, start, end)
}

function placeOf(text: string, offset: number, secretsOn: SecretsOn, path: KeyPath = []): Place {
  const start = lineStart(text, offset)
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < start; at = text.indexOf('\n', at + 1)) line++
  return { line, column: offset - start + 1, excerpt: makeExcerpt(text, offset, secretsOn), path }
}
