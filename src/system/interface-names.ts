import { readFileSync } from 'node:fs'

/**
 * The interfaces of the network namespace that this process is in, in whatever state they are, as the kernel lists them (proc(5), /proc/net/dev). Undefined
 * where that cannot be read, as on other systems.
 */
export function interfaceNames(file = '/proc/net/dev'): ReadonlySet<string> | undefined {
  try {
    return new Set([...readFileSync(file, 'latin1').matchAll(/^ *([^\s|]+?):/gm)].map(([, name]) => name!))
  } catch {
    return undefined
  }
}
