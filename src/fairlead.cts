#!/usr/bin/env node
/**
 * What the command `fairlead` is. CommonJS, for it must run before anything is read in the background: libuv makes its threads at their first use, and
 * four of them let the system look up two names at a time, so that a few slow names would hold up all others (`dialers/resolver.ts`).
 */
import './early-signals.cts'

process.env['UV_THREADPOOL_SIZE'] ??= '64'
void import('./main.ts')
