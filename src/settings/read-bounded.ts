import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { stateFrom } from './seen-files.ts'

export interface BoundedText {
  readonly text: string
  /** Permission bits and file type, as `stat` has them. */
  readonly mode: number
  /** As `stateOf` has it, of the very file that was read. */
  readonly state: string
}

/** Reads a regular file of at most so many bytes as UTF-8. Never waits for a pipe, never reads a device without end. */
export async function readBounded(file: string, maxBytes: number): Promise<BoundedText> {
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const stat = await handle.stat({ bigint: true })
    if (stat.isDirectory()) throw new Error('it is a directory')
    if (!stat.isFile()) throw new Error('it is not a regular file')
    // One byte more than allowed tells a file that has grown since.
    const buffer = Buffer.alloc(Math.min(Number(stat.size), maxBytes) + 1)
    const length = await fill(handle, buffer)
    if (stat.size > maxBytes || length > maxBytes) throw new Error(`it is larger than ${maxBytes / 1024} KiB`)
    return { text: decode(buffer.subarray(0, length)), mode: Number(stat.mode), state: stateFrom(stat) }
  } finally {
    await handle.close()
  }
}

/** Why a file could not be read, in words. */
export function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'ENOTDIR') return 'a part of its path is not a directory'
  if (code === 'ELOOP') return 'its symbolic links go round in a circle'
  return code ?? (error instanceof Error ? error.message : 'unknown reason')
}

async function fill(handle: FileHandle, buffer: Buffer): Promise<number> {
  let length = 0
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return length
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('it is not UTF-8 text')
  }
}
