import { findPacFaults } from '../gateway/pac.ts'
import { specialCollisions } from '../gateway/special-collisions.ts'
import { type EffectiveValue, formatOrigin } from '../settings/effective.ts'
import { type Loaded, loadSettings } from '../settings/load.ts'
import { formatProblems, SettingsError } from '../settings/problem.ts'
import { EXIT } from './exit-code.ts'
import type { Io } from './io.ts'
import { type ConfigOption, loadOptions } from './load-settings.ts'

/** `fairlead check`: every problem on standard error, or what is in force on standard output. */
export async function runCheck(options: ConfigOption, io: Io): Promise<number> {
  try {
    const loaded = await loadSettings(loadOptions(options, io))
    if (loaded.warnings.length > 0)
      io.err(`${countOf(loaded.warnings.length, 'warning')}\n\n${formatProblems(loaded.warnings)}\n`)
    const faults = await findPacFaults(loaded.settings)
    if (faults.length > 0) {
      io.err(`${faults.join('\n')}\n\n${countOf(faults.length, 'problem')}.\n`)
      return EXIT.usage
    }
    // Of this machine as it is now, not of the file.
    if (loaded.settings.capture.enabled)
      for (const collision of specialCollisions(loaded.settings)) io.err(`warning: ${collision}\n`)
    io.out(summary(loaded))
    return EXIT.done
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    io.err(`${formatProblems(error.problems)}\n${countOf(error.problems.length, 'problem')}.\n`)
    return EXIT.usage
  }
}

/** Shown although nobody has set them: what a person wants to know first. */
const ALWAYS = new Set(['listen.mixed', 'listen.auth', 'proxy', 'proxy.mode', 'containersProxy'])

function summary({ file, effective }: Loaded): string {
  const shown = effective.filter((value) => value.origin.kind !== 'default' || ALWAYS.has(value.path))
  const rows = shown.map((value) => [value.path, value.value, formatOrigin(value)] as const)
  const widths = [0, 1].map((column) => Math.min(MAX_COLUMN, Math.max(...rows.map((row) => row[column]!.length))))
  const table = rows.map(
    ([path, value, origin]) => `  ${path.padEnd(widths[0]!)}  ${value.padEnd(widths[1]!)}  ${origin}\n`,
  )
  const title = file === undefined ? 'no settings file: everything has its default' : `${file}: the settings are good`
  return `${title}\n${table.join('')}${defaultsLine(effective, shown)}`
}

/** Columns of a value before its origin moves to the right of the others. */
const MAX_COLUMN = 60

function defaultsLine(all: readonly EffectiveValue[], shown: readonly EffectiveValue[]): string {
  return `  ${countOf(all.length - shown.length, 'other key')} at the default\n`
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
