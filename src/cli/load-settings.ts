import { type Loaded, type LoadOptions, loadSettings } from '../settings/load.ts'
import { formatProblems, SettingsError } from '../settings/problem.ts'
import type { Io } from './io.ts'

export interface ConfigOption {
  /** From the command line; absent: looked for. */
  readonly config?: string
}

export function loadOptions({ config }: ConfigOption, io: Io): LoadOptions {
  return { ...(config === undefined ? {} : { file: config }), cwd: io.cwd, env: io.env, platform: process.platform }
}

/** The settings, or `undefined` when they are bad; then every problem has been told. */
export async function loadOrReport(options: ConfigOption, io: Io): Promise<Loaded | undefined> {
  try {
    return await loadSettings(loadOptions(options, io))
  } catch (thrown) {
    if (!(thrown instanceof SettingsError)) throw thrown
    io.err(formatProblems(thrown.problems))
    return undefined
  }
}
