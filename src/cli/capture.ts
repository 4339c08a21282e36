import { removeCapture, renderCapture } from '../gateway/capture-preview.ts'
import { EXIT } from './exit-code.ts'
import type { Io } from './io.ts'
import { type ConfigOption, loadOrReport } from './load-settings.ts'

export interface CaptureOptions extends ConfigOption {
  readonly dryRun?: boolean
  readonly remove?: boolean
}

/**
 * `fairlead capture --dry-run`: the exact commands and rules, on standard output; notes about them on standard error. `--remove`: takes away what
 * a killed gateway has left, for a machine on which no other will be started.
 */
export async function runCapture(options: CaptureOptions, io: Io): Promise<number> {
  if (options.remove) {
    await removeCapture()
    io.err('nothing of Fairlead is left in the rules of this network namespace\n')
    return EXIT.done
  }
  if (!options.dryRun) {
    io.err(
      'fairlead capture: say --dry-run or --remove; capturing itself is switched on by capture.enabled in the settings\n',
    )
    return EXIT.usage
  }
  const loaded = await loadOrReport(options, io)
  if (!loaded) return EXIT.usage
  const { commands, notes } = renderCapture(loaded.settings)
  for (const note of notes) io.err(`${note}\n`)
  io.out(commands)
  return EXIT.done
}
