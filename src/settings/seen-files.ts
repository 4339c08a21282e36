import type { BigIntStats } from 'node:fs'
import { stat } from 'node:fs/promises'

/** Absolute paths of files with the state they were in when they were read, or looked for in vain. */
export type SeenFiles = ReadonlyMap<string, string>

/** The state a file is in now. Symbolic links are followed, so that a swapped link shows as another inode. */
export async function stateOf(file: string): Promise<string> {
  return stat(file, { bigint: true }).then(stateFrom, (error: NodeJS.ErrnoException) => error.code ?? 'unknown')
}

/** Nanoseconds of both times: a file restored with its old modification time has still been changed. */
export function stateFrom({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':')
}
