import type { Explained } from '../explain-issue.ts'
import type { KeyPath } from '../key-path.ts'
import type { Merged } from '../merge-sources.ts'
import type { Problem } from '../problem.ts'

export interface ResolveEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly platform: NodeJS.Platform
}

type Said = Omit<Explained, 'path'>

/** What every step of following references shares: where values stand, what is wrong with them, and which files were looked at. */
export class ResolveContext implements ResolveEnvironment {
  readonly env: ResolveEnvironment['env']
  readonly platform: NodeJS.Platform
  readonly problems: Problem[] = []
  readonly warnings: Problem[] = []
  readonly files = new Map<string, string>()
  readonly #merged: Merged
  readonly #incomplete: ReadonlySet<string>

  constructor(merged: Merged, { env, platform }: ResolveEnvironment, incomplete: ReadonlySet<string> = new Set()) {
    this.#incomplete = incomplete
    this.#merged = merged
    this.env = env
    this.platform = platform
  }

  problem(path: KeyPath, said: Said): void {
    this.problems.push(this.#place(path, said))
  }

  warning(path: KeyPath, said: Said): void {
    this.warnings.push(this.#place(path, said))
  }

  /** Whether a group has problems already, so that what is missing in it is no news. */
  isIncomplete(group: string): boolean {
    return this.#incomplete.has(group)
  }

  /** Whether some file gives the key, rather than the schema. */
  isGiven(path: KeyPath): boolean {
    return this.#merged.sourceOf(path) !== undefined
  }

  /** Whether two keys come from the same file. */
  haveSameSource(one: KeyPath, other: KeyPath): boolean {
    return this.#merged.sourceOf(one) === this.#merged.sourceOf(other)
  }

  /** The folder that relative paths in a value start from. */
  folderOf(path: KeyPath): string {
    return this.#merged.sourceOf(path)?.folder ?? '.'
  }

  #place(path: KeyPath, said: Said): Problem {
    const source = this.#merged.sourceOf(path)
    if (source) return source.problem({ ...said, path })
    return { file: 'defaults', line: 0, column: 0, path: path.map(String).join('.'), ...said }
  }
}
