import { renderCapture } from '../gateway/capture-preview.ts'
import { EXIT } from './exit-code.ts'
import type { Io } from './io.ts'
import { type ConfigOption, loadOrReport } from './load-settings.ts'

export interface CaptureOptions extends ConfigOption {
  readonly dryRun: boolean
}

/** `fairlead capture --dry-run`: the exact commands and rules, on standard output; notes about them on standard error. */
export async function runCapture(options: CaptureOptions, io: Io): Promise<number> {
  const loaded = await loadOrReport(options, io)
  if (!loaded) return EXIT.usage
  const { commands, notes } = renderCapture(loaded.settings)
  for (const note of notes) io.err(`${note}\n`)
  io.out(commands)
  return EXIT.done
}
