import { type IncomingMessage, request } from 'node:http'
import type { Clock } from '../contracts/clock.ts'
import { cleanText } from '../wire/clean-text.ts'
import type { EngineAddress } from '../wire/engine-address.ts'
import { isDeeper } from './is-deeper.ts'
import { LineReader } from './line-reader.ts'

/** What went wrong in talking to an engine; the message is fit for a log. Stays inside `engine/`. */
export class EngineError extends Error {
  override readonly name = 'EngineError'
}

/** Milliseconds for a whole answer. A busy engine takes a second to list a thousand containers. */
const ANSWER_MS = 15_000
/** Bytes of one answer. A container is about 3 KB in the list: ten thousand of them. */
const MAX_ANSWER = 32 * 1024 * 1024
/** Levels of arrays and objects in an answer. The engine's lists have eight. */
const MAX_DEPTH = 64
/** Bytes of an engine's error message that are read at all. */
const MAX_COMPLAINT = 4096
/** Bytes of one event: a container's labels stand in it. */
const MAX_EVENT = 1024 * 1024
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

  /** The JSON of an answer. Rejects with an `EngineError`: no answer, not 200, too large, too slow, not JSON. */
  async get(path: string, signal: AbortSignal): Promise<unknown> {
    const response = await this.#open(path, signal)
    const cancel = this.#clock.after(ANSWER_MS, () => response.destroy(tooSlow(path)))
    try {
      const body = await read(response, response.statusCode === 200 ? MAX_ANSWER : MAX_COMPLAINT)
      if (response.statusCode !== 200) throw refusal(path, response, body)
      if (isDeeper(body, MAX_DEPTH))
        throw new EngineError(`the answer to ${path} is nested deeper than ${MAX_DEPTH} levels`)
      return JSON.parse(body.toString('utf8'))
    } catch (thrown) {
      if (thrown instanceof SyntaxError) throw new EngineError(`the answer to ${path} is not JSON`)
      throw toEngineError(thrown, path)
    } finally {
      cancel()
      response.destroy()
    }
  }

  /** Follows a stream of JSON lines. `opened` is called when it stands. Rejects when it ends, which is always an `EngineError`. */
  async follow(path: string, opened: () => void, onLine: (line: string) => void, signal: AbortSignal): Promise<never> {
    const response = await this.#open(path, signal)
    try {
      if (response.statusCode !== 200) throw refusal(path, response, await read(response, MAX_COMPLAINT))
      opened()
      const lines = new LineReader(MAX_EVENT)
      for await (const chunk of response) {
        for (const line of lines.push(chunk as Buffer)) onLine(line)
        if (lines.overlong) throw new EngineError(`an event is longer than ${MAX_EVENT} bytes`)
      }
      throw new EngineError('the stream of events has ended')
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
        reject(new EngineError(`the answer to ${path} is not HTTP`))
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

async function read(response: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    size += (chunk as Buffer).length
    if (size > limit) throw new EngineError(`the answer is larger than ${limit} bytes`)
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}

function refusal(path: string, { statusCode }: IncomingMessage, body: Buffer): EngineError {
  return new EngineError(`the engine answers ${statusCode} to ${path}: ${cleanText(body.toString('latin1'), 200)}`)
}

function tooSlow(path: string): EngineError {
  return new EngineError(`no answer to ${path} within ${ANSWER_MS / 1000} s`)
}

function toEngineError(thrown: unknown, path: string): EngineError {
  if (thrown instanceof EngineError) return thrown
  const { code, message } = thrown as NodeJS.ErrnoException
  switch (code) {
    case 'ENOENT':
      return new EngineError('there is no such socket')
    case 'EACCES':
      return new EngineError('the socket may not be opened by this user (is it in the group docker?)')
    case 'ECONNREFUSED':
      return new EngineError('nobody listens there')
    default:
      return new EngineError(`${path}: ${cleanText(code ?? message, 200)}`)
  }
}
