import { readFile } from 'node:fs/promises'

/** Each tunnel takes two descriptors, and a hundred are the process's own. */
const DESCRIPTORS_PER_CONNECTION = 2
const OWN_DESCRIPTORS = 100

/** The soft limit on open files (Linux), `Infinity` for unlimited, or `undefined` where it cannot be read. Node raises soft to hard at start by itself. */
export async function descriptorLimit(limitsFile = '/proc/self/limits'): Promise<number | undefined> {
  const text = await readFile(limitsFile, 'utf8').catch(() => '')
  const soft = /^Max open files\s+(\S+)/m.exec(text)?.[1]
  if (soft === undefined) return undefined
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
}

/** Client connections that a limit on open files leaves room for; at least one. */
export function connectionsWithin(limit: number | undefined): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY
  return Math.max(1, Math.floor((limit - OWN_DESCRIPTORS) / DESCRIPTORS_PER_CONNECTION))
}

/** A sentence to log when the limit is lower than what the settings allow, else `undefined`. */
export function descriptorShortage(limit: number | undefined, maxConnections: number): string | undefined {
  const needed = maxConnections * DESCRIPTORS_PER_CONNECTION + OWN_DESCRIPTORS
  if (limit === undefined || limit >= needed) return undefined
  return `the limit on open files is ${limit}; ${maxConnections} connections need ${needed}, so at most ${connectionsWithin(limit)} are served. Raise it (ulimit -n ${needed}, or LimitNOFILE= of the service), or lower limits.connections`
}
