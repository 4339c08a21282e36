import { dirname } from 'node:path'
import { type Explained, explainIssue } from './explain-issue.ts'
import { formatKeyPath, type KeyPath } from './key-path.ts'
import type { Problem } from './problem.ts'
import { salvage } from './salvage.ts'
import { settingsSchema } from './schema.ts'
import { type LocateOptions, parseYaml, type YamlText } from './yaml/parse-yaml.ts'

/** `default` is what the schema says; the others are files, in rising rank. */
export type SourceKind = 'user' | 'admin'

/** One file of settings that has been read and is well formed. A new kind of source is another maker of these. */
export interface Source {
  readonly kind: SourceKind
  /** Where there were problems, what is left without them. */
  readonly data: unknown
  /** Groups that are not complete in `data`. */
  readonly incomplete: ReadonlySet<string>
  /** For people. */
  readonly file: string
  /** Relative paths in it start here. */
  readonly folder: string
  line(path: KeyPath): number
  problem(explained: Explained): Problem
}

/** Reads one file's text and holds it against the schema, by itself. */
export function readSource(
  text: string,
  { kind, file, path }: { readonly kind: SourceKind; readonly file: string; readonly path: string },
): { readonly source?: Source; readonly problems: readonly Problem[] } {
  const { yaml, faults } = parseYaml(text)
  if (!yaml) {
    return {
      problems: faults.map(({ place, message, expected, hint }) => ({
        file,
        line: place.line,
        column: place.column,
        path: '',
        message,
        ...(expected === undefined ? {} : { expected }),
        ...(hint === undefined ? {} : { hint }),
        excerpt: place.excerpt,
      })),
    }
  }
  const checked = settingsSchema.safeParse(yaml.data)
  const explained = checked.success ? [] : checked.error.issues.flatMap((issue) => explainIssue(issue, yaml.data))
  const faulty = explained.map(({ path: keys }) => keys)
  const source = sourceOf(yaml, faulty, { kind, file, path })
  const problems = explained.map((one) => source.problem(one))
  return { source, problems }
}

function sourceOf(
  yaml: YamlText,
  faulty: readonly KeyPath[],
  { kind, file, path }: { readonly kind: SourceKind; readonly file: string; readonly path: string },
): Source {
  return {
    kind,
    file,
    folder: dirname(path),
    data: faulty.length === 0 ? yaml.data : salvage(yaml.data, faulty),
    incomplete: new Set(faulty.map(([group]) => String(group))),
    line: (keys) => yaml.locate(keys).line,
    problem({ path: keys, message, expected, hint, key = false, offset }) {
      const options: LocateOptions = offset === undefined ? { key } : { key, offset }
      const place = yaml.locate(keys, options)
      return {
        file,
        line: place.line,
        column: place.column,
        path: formatKeyPath(place.path),
        message,
        ...(expected === undefined ? {} : { expected }),
        ...(hint === undefined ? {} : { hint }),
        excerpt: place.excerpt,
      }
    },
  }
}
