import { hasLibc, libc } from './libc.ts'

/** void _exit(int status) */
const exit: (code: number) => void = libc.func('void _exit(int)')

/**
 * Ends the process now. `process.exit` waits for look-ups that the system works on, for up to 15 s and more, and has been seen to crash at its end while they ran
 * (Node 20.20). Listeners of `exit` have their say as ever.
 */
export function exitNow(code: number): never {
  if (hasLibc) {
    process.emit('exit', code)
    exit(code)
  }
  process.exit(code)
}

/** Whether the system works on a look-up, which nothing can end. */
export function isLookingUp(): boolean {
  return process.getActiveResourcesInfo().includes('GetAddrInfoReqWrap')
}
