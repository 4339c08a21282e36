import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { stateFrom } from './seen-files.ts'

export interface BoundedBytes {
  readonly bytes: Buffer
  /** Permission bits and file type, as `stat` has them. */
  readonly mode: number
  /** As `stateOf` has it, of the very file that was read. */
  readonly state: string
}

export interface BoundedText extends Omit<BoundedBytes, 'bytes'> {
  readonly text: string
}

/** Reads a regular file of at most so many bytes as UTF-8. Never waits for a pipe, never reads a device without end. */
export async function readBounded(file: string, maxBytes: number): Promise<BoundedText> {
  const { bytes, ...read } = await readBoundedBytes(file, maxBytes)
  return { ...read, text: decode(bytes) }
}

/** The same in whatever encoding it is. */
export async function readBoundedBytes(file: string, maxBytes: number): Promise<BoundedBytes> {
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const stat = await handle.stat({ bigint: true })
    if (stat.isDirectory()) throw new Error('it is a directory')
    if (!stat.isFile()) throw new Error('it is not a regular file')
    if (stat.size > maxBytes) throw tooLarge(maxBytes)
    const bytes = await readAll(handle, maxBytes)
    return { bytes, mode: Number(stat.mode), state: stateFrom(stat) }
  } finally {
    await handle.close()
  }
}

/** Why a file could not be read, in words. */
export function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES' || code === 'EPERM')
    return `permission denied${process.getuid ? ` to the user ${process.getuid()}, as whom this runs` : ''}`
  if (code === 'ENOTDIR') return 'a part of its path is not a directory'
  if (code === 'ELOOP') return 'its symbolic links go round in a circle'
  return code ?? (error instanceof Error ? error.message : 'unknown reason')
}

/** Bytes asked for at once. */
const CHUNK = 64 * 1024

/** To the end, whatever size the file was said to have: it may be growing, and files under /proc say 0. */
async function readAll(handle: FileHandle, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for (;;) {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(CHUNK), 0, CHUNK)
    if (bytesRead === 0) return Buffer.concat(chunks, length)
    chunks.push(buffer.subarray(0, bytesRead))
    length += bytesRead
    if (length > maxBytes) throw tooLarge(maxBytes)
  }
}

function tooLarge(maxBytes: number): Error {
  return new Error(`it is larger than ${maxBytes / 1024} KiB`)
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('it is not UTF-8 text')
  }
}
