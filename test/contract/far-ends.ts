import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { SO_MEMINFO, SOL_SOCKET } from '../../src/system/linux/socket-numbers.ts'
import { getSocketOption } from '../../src/system/linux/sockets.ts'
import { lastRead } from '../fixtures/last-read.ts'

/** What the programs at the two ends of a tunnel do and see. */

/** One byte with MSG_OOB, which Node cannot send. */
export async function sendUrgent(socket: Socket): Promise<void> {
  const { send } = await import('../../src/system/linux/sockets.ts')
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle
  if (send(fd, URGENT_BYTE, URGENT_BYTE.length, MSG_OOB) !== URGENT_BYTE.length)
    throw new Error('no urgent byte could be sent')
}
export const URGENT_BYTE = Buffer.from('!')
const MSG_OOB = 1

/** Bytes and their bookkeeping that a socket has sent and the other end's kernel does not have yet; 0: it has everything. Linux. */
export function unacknowledged(socket: Socket): number {
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle
  const numbers = new Uint32Array(MEMINFO_NUMBERS)
  const memory = new Uint8Array(numbers.buffer)
  getSocketOption(fd, SOL_SOCKET, SO_MEMINFO, memory, new Uint32Array([memory.length]))
  return numbers[SK_MEMINFO_WMEM_QUEUED]!
}
const MEMINFO_NUMBERS = 9
const SK_MEMINFO_WMEM_QUEUED = 5

export const closed = async (socket: Socket): Promise<void> => {
  if (!socket.closed) await once(socket, 'close').catch(() => {})
}

export const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

export async function read(socket: Socket, bytes: number): Promise<string> {
  for (;;) {
    const chunk = socket.read(bytes) as Buffer | null
    if (chunk) return chunk.toString('latin1')
    await once(socket, 'readable')
    await new Promise(setImmediate) // with too little there, it is `readable` again at once
  }
}

/** Until the system has it. */
export const write = (socket: Socket, bytes: Buffer): Promise<void> =>
  new Promise((resolve) => socket.write(bytes, () => resolve()))

export async function restBytes(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  if (!socket.readableEnded) await once(socket, 'end')
  return Buffer.concat(chunks)
}

/** All that comes, and how it ends: the code of an error, or `end`. */
export async function heard(socket: Socket): Promise<{ bytes: Buffer; end: string }> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  const end = await failure(socket)
  return { bytes: Buffer.concat(chunks), end }
}

export const rest = async (socket: Socket): Promise<string> => (await restBytes(socket)).toString('latin1')

/** The error code the socket breaks with, or `'end'` for an orderly one. */
export function failure(socket: Socket): Promise<string> {
  if (socket.errored) return Promise.resolve((socket.errored as NodeJS.ErrnoException).code ?? '')
  return new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    socket.on('end', () => resolve(lastRead(socket)))
    socket.resume()
  })
}

/** Looks until a number has stopped growing for longer than live counts may lag (a second), and gives it. */
export function standstill(read: () => number): Promise<number> {
  return new Promise((resolve) => {
    let last = -1
    let same = 0
    const look = setInterval(() => {
      const now = read()
      same = now > 0 && now === last ? same + 1 : 0
      last = now
      if (same < 50) return
      clearInterval(look)
      resolve(now)
    }, 25)
  })
}
