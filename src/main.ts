#!/usr/bin/env node
import { endProcess } from './cli/end-process.ts'
import { runCommandLine } from './cli/program.ts'

const args = process.argv.slice(2)

// `fairlead … | head`: the reader has had enough, and that is no fault. The gateway serves on: its results are not there.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (args[0] !== 'start') process.exit(error.code === 'EPIPE' ? 0 : 1)
})
// A disk that is full takes no words; the exit code still tells.
process.stderr.on('error', () => {})

process.exitCode = await runCommandLine(args)
// Of a gateway nobody waits for a word there.
await endProcess({ results: args[0] !== 'start' })
