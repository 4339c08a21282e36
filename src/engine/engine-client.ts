import { type IncomingMessage, request } from 'node:http'
import type { Clock } from '../contracts/clock.ts'
import { cleanText } from '../wire/clean-text.ts'
import type { EngineAddress } from '../wire/engine-address.ts'
import { EngineError } from './engine-error.ts'
import { JsonPicker, type Kept } from './json-picker.ts'

/** Milliseconds for a whole answer. A busy engine takes a second to list a thousand containers. */
const ANSWER_MS = 15_000
/** Bytes of what is kept of one answer. A container is about 3 KB in the list: ten thousand of them. */
const MAX_KEPT = 32 * 1024 * 1024
/** Bytes of one answer, of which most is not kept. An image's author can give each of its containers 4 MB of text, as much as registries take. */
const MAX_ANSWER = 1024 * 1024 * 1024
/** Levels of arrays and objects in an answer. The engine's lists have eight. */
const MAX_DEPTH = 64
/** Bytes of an engine's error message that are read at all. */
const MAX_COMPLAINT = 4096
/** Bytes of a response head. */
const MAX_HEAD = 16 * 1024

/** GET requests to one engine. Each has a connection of its own: the engine is on this machine, and nothing is left behind when it restarts. */
export class EngineClient {
  readonly #address: EngineAddress
  readonly #clock: Clock

  constructor(address: EngineAddress, clock: Clock) {
    this.#address = address
    this.#clock = clock
  }

  /** What is wanted of an answer's JSON. Rejects with an `EngineError`: no answer, not 200, too large, too slow, not JSON. */
  async get(path: string, signal: AbortSignal, kept: Kept = 'all'): Promise<unknown> {
    const response = await this.#open(path, signal)
    const cancel = this.#clock.after(ANSWER_MS, () => response.destroy(tooSlow(path)))
    try {
      if (response.statusCode !== 200) throw refusal(path, response, await readComplaint(response))
      const picker = new JsonPicker(kept, { depth: MAX_DEPTH, kept: MAX_KEPT })
      let size = 0
      for await (const chunk of response) {
        size += (chunk as Buffer).length
        if (size > MAX_ANSWER) throw new EngineError(`the answer is larger than ${MAX_ANSWER} bytes`)
        picker.push(chunk as Buffer)
      }
      return picker.finish()
    } catch (thrown) {
      if (thrown instanceof SyntaxError) throw new EngineError(`the answer to ${shown(path)} is not JSON`)
      throw toEngineError(thrown, path)
    } finally {
      cancel()
      response.destroy()
    }
  }

  /**
   * Follows a stream of JSON lines. `opened` is called when it stands, `happened` with each piece of it in which there is something. Rejects when it
   * ends, which is always an `EngineError`.
   */
  async follow(
    path: string,
    opened: () => void,
    happened: (piece: Buffer) => void,
    signal: AbortSignal,
  ): Promise<never> {
    const response = await this.#open(path, signal)
    try {
      if (response.statusCode !== 200) throw refusal(path, response, await readComplaint(response))
      opened()
      for await (const chunk of response) if (!isBlank(chunk as Buffer)) happened(chunk as Buffer)
      throw new EngineError('the stream of events has ended', { hasGone: true })
    } catch (thrown) {
      throw toEngineError(thrown, path)
    } finally {
      response.destroy()
    }
  }

  #open(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const where =
      this.#address.kind === 'unix'
        ? { socketPath: this.#address.path }
        : { host: this.#address.host, port: this.#address.port }
    return new Promise((resolve, reject) => {
      const asked = request({
        ...where,
        path,
        agent: false,
        signal,
        maxHeaderSize: MAX_HEAD,
        headers: { host: 'docker' },
      })
      const cancel = this.#clock.after(ANSWER_MS, () => asked.destroy(tooSlow(path)))
      asked.on('response', (response) => {
        cancel()
        response.on('error', () => {}) // whoever reads it listens too; between two readers nobody does
        resolve(response)
      })
      // An engine that switches protocols has not answered.
      asked.on('upgrade', (_response, socket) => {
        socket.destroy()
        reject(new EngineError(`the answer to ${shown(path)} is not HTTP`))
      })
      asked.on('error', (cause) => {
        cancel()
        reject(toEngineError(cause, path))
      })
      asked.on('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS))
      asked.end()
    })
  }
}

/** An engine on another machine can go without a word; milliseconds of silence before the system asks. */
const KEEP_ALIVE_MS = 30_000

async function readComplaint(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    size += (chunk as Buffer).length
    if (size > MAX_COMPLAINT) throw new EngineError(`the answer is larger than ${MAX_COMPLAINT} bytes`)
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}

/** Only spaces and ends of lines, which some engines send to show that they are there. */
function isBlank(chunk: Buffer): boolean {
  return chunk.every((octet) => octet <= 0x20)
}

function refusal(path: string, { statusCode }: IncomingMessage, body: Buffer): EngineError {
  return new EngineError(
    `the engine answers ${statusCode} to ${shown(path)}: ${cleanText(body.toString('latin1'), 200)}`,
  )
}

/** What is asked for; how is nobody's concern. */
function shown(path: string): string {
  return path.replace(/\?.*/s, '')
}

function tooSlow(path: string): EngineError {
  return new EngineError(`no answer to ${shown(path)} within ${ANSWER_MS / 1000} s`)
}

function toEngineError(thrown: unknown, path: string): EngineError {
  if (thrown instanceof EngineError) return thrown
  const { code, message } = thrown as NodeJS.ErrnoException
  switch (code) {
    case 'ENOENT':
      return new EngineError('there is no such socket', { hasGone: true, isMissing: true })
    case 'EACCES':
      return new EngineError('the socket may not be opened by this user (is it in the group docker?)')
    case 'ECONNREFUSED':
      return new EngineError('nobody listens there', { hasGone: true })
    default:
      return new EngineError(`${shown(path)}: ${cleanText(code ?? message, 200)}`, { hasGone: code === 'ECONNRESET' })
  }
}
