import { getSystemErrorName } from 'node:util'
import type { FailedConnect } from '../../contracts/dialer.ts'

/** What the front's bare connect came to, as Node tells of its own. `error`: of errno(3). */
export function failedConnect(address: string, port: number, error: number): FailedConnect {
  const code = getSystemErrorName(-error)
  const thrown = new Error(`connect ${code} ${address}:${port}`)
  return { address, error: Object.assign(thrown, { errno: -error, code, syscall: 'connect', address, port }) }
}
