import { exitNow, isLookingUp } from '../gateway/exit-now.ts'

/**
 * Behind a command that has come to its end, and has set the exit code. Nothing is left that could be ended, but look-ups, which nobody can end: the process does not
 * wait for them. `results`: whether what was written is to be out first.
 */
export async function endProcess({ results }: { readonly results: boolean }): Promise<void> {
  if (!isLookingUp()) return
  const streams = results ? [process.stdout, process.stderr] : []
  for (const stream of streams) await new Promise<void>((written) => stream.write('', () => written()))
  exitNow(Number(process.exitCode))
}
