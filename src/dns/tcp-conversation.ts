import type { Socket } from 'node:net'

/** Octets of a question: names and options fill some hundred. */
const MAX_QUERY = 4096
/** Milliseconds without an octet or an answer under way; RFC 7766 §6.2.3 advises some seconds. */
const IDLE_MS = 10_000
/** Questions of one connection that are being answered; the next are not read. */
const MAX_PIPELINED = 64
/** Octets of answers that the client has not taken; until it does, nothing more is read. */
const MAX_UNSENT = 256 * 1024

/**
 * Questions over one TCP connection (RFC 1035 §4.2.2, RFC 7766): pipelined, answered as answers come. Takes a half-open socket and ends it: when the
 * client has ended and has its answers, when it is idle, or, after the answers that are under way, when it sends what is no question.
 */
export function serveTcp(socket: Socket, answer: (query: Buffer) => Promise<Buffer | undefined>): void {
  let pending: Buffer = Buffer.alloc(0)
  let running = 0
  let hasEnded = false
  let isRefused = false
  socket.on('error', () => socket.destroy())
  socket.setTimeout(IDLE_MS, () => running === 0 && socket.destroy())
  socket.on('drain', proceed)
  socket.on('end', () => {
    hasEnded = true
    finish()
  })
  socket.on('data', take)

  function take(chunk: Buffer): void {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    proceed()
  }

  function proceed(): void {
    while (!socket.destroyed && pending.length >= 2) {
      if (running >= MAX_PIPELINED || socket.writableLength > MAX_UNSENT) return void socket.pause()
      const length = pending.readUInt16BE(0)
      if (length > MAX_QUERY) return void socket.destroy()
      if (pending.length < length + 2) break
      const query = Buffer.from(pending.subarray(2, length + 2))
      pending = pending.subarray(length + 2)
      void serve(query)
    }
    socket.resume()
  }

  async function serve(query: Buffer): Promise<void> {
    running++
    const reply = await answer(query)
    running--
    if (socket.destroyed) return
    if (reply) socket.write(framed(reply))
    else refuse()
    if (isRefused) {
      if (running === 0) socket.destroySoon()
      return
    }
    proceed()
    finish()
  }

  /** Nothing more is read; what is under way is still answered. */
  function refuse(): void {
    isRefused = true
    pending = Buffer.alloc(0)
    socket.off('data', take)
    socket.resume()
  }

  function finish(): void {
    // What is pending still waits for the client to take its answers; less than a question is none.
    const isAsked = pending.length >= 2 && pending.length >= pending.readUInt16BE(0) + 2
    if (hasEnded && running === 0 && !isAsked) socket.end()
  }
}

function framed(reply: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(reply.length)
  return Buffer.concat([length, reply])
}
