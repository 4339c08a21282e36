#!/usr/bin/env node
import { runCommandLine } from './cli/program.ts'

// `fairlead … | head`: the reader has had enough, and that is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

process.exitCode = await runCommandLine(process.argv.slice(2))
