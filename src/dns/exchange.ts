import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import type { Clock } from '../contracts/clock.ts'
import { type DnsMessage, readMessage } from '../wire/dns/message.ts'
import { questionBytes } from '../wire/dns/reply.ts'

export interface DnsServerAddress {
  readonly address: string
  readonly port: number
}

export interface ExchangeOptions {
  readonly clock: Clock
  /** Milliseconds for the answer. */
  readonly limitMs: number
  readonly signal: AbortSignal
}

/** Why there is no answer, in words for the log. */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError'
}

/**
 * Datagrams that are not the answer and are passed over: a few can be late answers to somebody before us on the port; more of them is somebody
 * who guesses, and TCP, which cannot be guessed at, is asked instead.
 */
const MAX_STRANGERS = 16

/**
 * Asks over UDP. The socket is new, so its port is one the system chose at random (RFC 5452 §9.2), and connected, so the kernel takes answers from
 * that address and port alone; of them, the first with our id and our question, letter by letter, counts. `guessed` says that there were others.
 */
export function askUdp(server: DnsServerAddress, query: Buffer, options: ExchangeOptions): Promise<DnsMessage> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server.address.split('%', 1)[0]!) ? 'udp6' : 'udp4')
    let strangers = 0
    const end = once(options, () => closeQuietly(socket), reject)
    socket.on('error', (error: NodeJS.ErrnoException) => end.fail(new ExchangeError(error.code ?? error.message)))
    socket.on('message', (bytes) => {
      const answer = answerTo(query, bytes)
      if (answer) end.with(() => resolve(answer))
      else if (++strangers >= MAX_STRANGERS) end.fail(new ExchangeError(GUESSED))
    })
    socket.once('connect', () => {
      if (end.isOver) return
      socket.send(query, (error) => error && end.fail(new ExchangeError(error.message)))
    })
    // Without a callback: Node calls it also when there is no way to the server, and then emits no error.
    socket.connect(server.port, server.address)
  })
}

export const GUESSED = 'answers that nobody asked for'

/** Asks over TCP (RFC 7766), one question a connection. */
export function askTcp(server: DnsServerAddress, query: Buffer, options: ExchangeOptions): Promise<DnsMessage> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.address, port: server.port })
    const end = once(options, () => socket.destroy(), reject)
    let received = Buffer.alloc(0)
    socket.on('error', (error: NodeJS.ErrnoException) => end.fail(new ExchangeError(error.code ?? error.message)))
    socket.on('close', () => end.fail(new ExchangeError('closed without an answer')))
    socket.on('data', (chunk: Buffer) => {
      // At most one message of 65535 octets: what comes after it is not ours.
      received = Buffer.concat([received, chunk])
      if (received.length < 2) return
      const length = received.readUInt16BE(0)
      if (received.length < length + 2) return
      const answer = answerTo(query, received.subarray(2, length + 2))
      if (answer) end.with(() => resolve(answer))
      else end.fail(new ExchangeError('an answer to another question'))
    })
    const length = Buffer.alloc(2)
    length.writeUInt16BE(query.length)
    socket.write(Buffer.concat([length, query]))
  })
}

/** The message if it answers this query; an answer without a question counts where it only says that something is wrong (old servers' FORMERR). */
function answerTo(query: Buffer, bytes: Buffer): DnsMessage | undefined {
  if (bytes.length < 12 || bytes.readUInt16BE(0) !== query.readUInt16BE(0) || (bytes[2]! & 0x80) === 0) return undefined
  try {
    const message = readMessage(bytes)
    if (!message.question) return message.rcode !== 0 && message.records.length === 0 ? message : undefined
    const asked = questionBytes(message)
    return asked.equals(query.subarray(12, 12 + asked.length)) ? message : undefined
  } catch {
    return undefined
  }
}

/** One end, whichever comes first: answer, error, limit or abort. */
function once({ clock, limitMs, signal }: ExchangeOptions, close: () => void, reject: (error: unknown) => void) {
  const end = {
    isOver: false,
    with(settle: () => void) {
      if (end.isOver) return
      end.isOver = true
      cancel()
      signal.removeEventListener('abort', onAbort)
      close()
      settle()
    },
    fail: (error: Error) => end.with(() => reject(error)),
  }
  const onAbort = () => end.with(() => reject(signal.reason))
  const cancel = clock.after(limitMs, () => end.fail(new ExchangeError(`no answer within ${limitMs} ms`)))
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) queueMicrotask(onAbort)
  return end
}

function closeQuietly(socket: ReturnType<typeof createSocket>): void {
  socket.on('error', () => {})
  try {
    socket.close()
  } catch {
    // It never opened.
  }
}
