import { isAbsolute, relative, resolve } from 'node:path'
import { type EffectiveValue, effectiveValues } from './effective.ts'
import { candidateFiles, FILE_NAME, type FindOptions } from './find-file.ts'
import { mergeSources } from './merge-sources.ts'
import { type Problem, SettingsError } from './problem.ts'
import { readBounded, reasonOf } from './read-bounded.ts'
import { ResolveContext } from './resolve/context.ts'
import { resolveSettings, statusAddresses } from './resolve/resolve-settings.ts'
import { settingsSchema } from './schema.ts'
import { type SeenFiles, stateOf } from './seen-files.ts'
import type { Settings, StatusAddress } from './settings.ts'
import { readSource, type Source } from './source.ts'

export interface LoadOptions extends FindOptions {
  /** From the command line. Absent: looked for; where there is none, everything has its default. */
  readonly file?: string
}

export interface Loaded {
  readonly settings: Settings
  /** Every value with where it comes from, for people. No secrets. */
  readonly effective: readonly EffectiveValue[]
  /** Nothing that keeps the gateway from starting. */
  readonly warnings: readonly Problem[]
  /** The file they come from; absent where there is none. */
  readonly file?: string
  /** There is nothing in it but blanks and comments. */
  readonly isBlank?: true
  /** All that was read or looked for: a change to any of them may change the settings. */
  readonly files: SeenFiles
}

/** Bytes of a settings file: room for an embedded PAC script at its own limit of 1 MiB and as much again. */
const MAX_SETTINGS_FILE = 2 * 1024 * 1024

/** Reads, merges, checks and completes the settings. Rejects with a `SettingsError` that holds everything that is wrong. */
export async function loadSettings(options: LoadOptions): Promise<Loaded> {
  const looked = new Map<string, string>()
  const { source, isBlank, problems } = await readUserFile(options, looked)
  const merged = mergeSources(source ? [source] : [])
  const written = settingsSchema.safeParse(merged.data)
  // Cannot happen where there were no problems: each source has been held against the schema by itself.
  if (!written.success) throw new SettingsError(inOrder(problems), looked)

  const context = new ResolveContext(merged, options, source?.incomplete)
  const settings = await resolveSettings(written.data, context)
  const files = new Map([...looked, ...context.files])
  const all = [...problems, ...context.problems]
  if (all.length > 0) throw new SettingsError(inOrder(all), files)
  return {
    settings,
    effective: effectiveValues(written.data, settings, merged),
    warnings: inOrder(context.warnings),
    ...(source ? { file: source.file } : {}),
    ...(isBlank ? { isBlank } : {}),
    files,
  }
}

/**
 * Where a gateway that runs with these settings is asked, and what is wrong with them as they are written. A gateway goes on with the settings before while those on disk
 * are bad, and what they refer to may be for its eyes alone.
 */
export async function loadStatusAddresses(
  options: LoadOptions,
): Promise<{ readonly listen: readonly StatusAddress[]; readonly problems: readonly Problem[] }> {
  const { source, problems } = await readUserFile(options, new Map()).catch((error: unknown) => {
    if (!(error instanceof SettingsError)) throw error
    return { source: undefined, problems: error.problems }
  })
  const merged = mergeSources(source ? [source] : [])
  const written = settingsSchema.safeParse(merged.data)
  const { status } = written.success ? written.data : settingsSchema.parse({})
  const context = new ResolveContext(merged, options)
  const listen = statusAddresses(status.listen, context)
  return { listen, problems: inOrder([...problems, ...context.problems]) }
}

interface UserFile {
  readonly source?: Source
  readonly isBlank?: true
  readonly problems: readonly Problem[]
}

async function readUserFile(options: LoadOptions, looked: Map<string, string>): Promise<UserFile> {
  const given = options.file === undefined ? undefined : resolve(options.cwd, options.file)
  for (const path of given === undefined ? candidateFiles(options) : [given]) {
    const file = displayName(path, options.cwd)
    try {
      const { text, state } = await readBounded(path, MAX_SETTINGS_FILE)
      looked.set(path, state)
      const { source, problems } = readSource(text, { kind: 'user', file, path })
      if (!source) throw new SettingsError(problems, looked)
      return { source, problems, ...(isBlankText(text) ? { isBlank: true } : {}) }
    } catch (error) {
      if (error instanceof SettingsError) throw error
      looked.set(path, await stateOf(path))
      if (given === undefined && isAbsent(error)) continue
      throw new SettingsError([unreadable(file, error)], looked)
    }
  }
  return { problems: [] }
}

/** Nothing but blanks and comments: what `{}` is not. */
function isBlankText(text: string): boolean {
  return text.split('\n').every((line) => /^\s*(#|---\s*$|$)/.test(line.replace('\uFEFF', '')))
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function unreadable(file: string, error: unknown): Problem {
  return {
    file,
    line: 0,
    column: 0,
    path: '',
    message: `cannot read the settings: ${reasonOf(error)}`,
    expected: 'a YAML or JSON file in UTF-8',
    ...(isAbsent(error) ? { hint: `Check the path given with --config; without it, ${FILE_NAME} is looked for.` } : {}),
  }
}

/** As short as it stays plain: relative below the working directory. */
function displayName(path: string, cwd: string): string {
  const short = relative(cwd, path)
  return short === '' || short.startsWith('..') || isAbsolute(short) ? path : short
}

function inOrder(problems: readonly Problem[]): Problem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column)
}
