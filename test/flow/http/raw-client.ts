import { connect, type Socket } from 'node:net'
import { lastRead } from '../../fixtures/last-read.ts'
import { until } from '../../fixtures/until.ts'

/** A client that sends what it is told and keeps what it gets. */
export class RawClient {
  readonly socket: Socket
  #received = ''
  #ended = false
  #closed = false
  #wasReset = false
  #error: NodeJS.ErrnoException | undefined

  constructor(at: number | string) {
    const where = typeof at === 'string' ? { path: at } : { port: at, host: '127.0.0.1' }
    this.socket = connect({ ...where, allowHalfOpen: true })
    this.socket.setEncoding('latin1')
    this.socket.on('data', (text: string) => {
      this.#received += text
    })
    this.socket.on('end', () => {
      this.#wasReset = lastRead(this.socket) !== 'end'
      this.#ended = true
    })
    this.socket.on('close', () => {
      this.#closed = true
    })
    this.socket.on('error', (error) => {
      this.#error = error
    })
  }

  get received(): string {
    return this.#received
  }

  get error(): NodeJS.ErrnoException | undefined {
    return this.#error
  }

  send(text: string): this {
    this.socket.write(Buffer.from(text, 'latin1'))
    return this
  }

  /** Resolves with all that was received so far as soon as `pattern` is in it. */
  async gets(pattern: RegExp | string): Promise<string> {
    const has = () => (typeof pattern === 'string' ? this.#received.includes(pattern) : pattern.test(this.#received))
    await until(`the client gets ${pattern}`, () => has() || this.#closed).catch(() => {})
    if (!has()) throw new Error(`expected ${pattern}, got ${JSON.stringify(this.#received)}`)
    return this.#received
  }

  /** Everything up to the server's FIN, or up to a reset. */
  async toEnd(): Promise<string> {
    await until('the server closes', () => this.#ended || this.#closed)
    return this.#received
  }

  /** Clean end or reset, and nothing else. */
  async ending(): Promise<'fin' | 'reset'> {
    await this.toEnd()
    return this.#error || this.#wasReset ? 'reset' : 'fin'
  }

  close(): void {
    this.socket.destroy()
  }
}
