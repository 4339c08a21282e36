#!/usr/bin/env node
import { runCommandLine } from './cli/program.ts'
import { exitNow, isLookingUp } from './gateway/exit-now.ts'

const args = process.argv.slice(2)

// `fairlead … | head`: the reader has had enough, and that is no fault. The gateway serves on: its results are not there.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (args[0] !== 'start') process.exit(error.code === 'EPIPE' ? 0 : 1)
})
// A disk that is full takes no words; the exit code still tells.
process.stderr.on('error', () => {})

process.exitCode = await runCommandLine(args)
// Nothing is left that could be ended, but look-ups, which nobody can end. Results are to be out first; of a gateway nobody waits for a word there.
if (isLookingUp()) {
  const streams = args[0] === 'start' ? [] : [process.stdout, process.stderr]
  for (const stream of streams) await new Promise<void>((written) => stream.write('', () => written()))
  exitNow(Number(process.exitCode))
}
