import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import tls from 'node:tls'
import { until } from '../../fixtures/until.ts'

/** What one connection brought, and the socket to say something on. */
export interface Recorded {
  readonly socket: Socket
  /** TCP itself, where it speaks TLS. */
  readonly wire: Socket
  bytes: string
  ended: boolean
  closed: boolean
}

/** An origin that knows no HTTP: it keeps every byte and answers as the test says. */
export class RecordingOrigin {
  readonly connections: Recorded[] = []
  readonly #server: Server
  /** Called with each arrival; by default one plain answer to each complete head. */
  onData: (connection: Recorded) => void = answerEachHead()

  private constructor(server: Server, secureContext: tls.SecureContext | undefined) {
    this.#server = server
    server.on('connection', (wire) => {
      const socket = secureContext ? new tls.TLSSocket(wire, { isServer: true, secureContext }) : wire
      const connection: Recorded = { socket, wire, bytes: '', ended: false, closed: false }
      this.connections.push(connection)
      socket.on('data', (chunk: Buffer) => {
        connection.bytes += chunk.toString('latin1')
        this.onData(connection)
      })
      socket.on('end', () => {
        connection.ended = true
      })
      socket.on('close', () => {
        connection.closed = true
      })
      socket.on('error', () => {})
    })
  }

  static async start(secureContext?: tls.SecureContext): Promise<RecordingOrigin> {
    const server = createServer({ allowHalfOpen: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new RecordingOrigin(server, secureContext)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Every byte of every connection. */
  get bytes(): string {
    return this.connections.map(({ bytes }) => bytes).join('')
  }

  async connection(index = 0): Promise<Recorded> {
    await until(`connection ${index} reaches the origin`, () => this.connections.length > index)
    return this.connections[index]!
  }

  /** The bytes of a connection once `pattern` is among them. */
  async gets(pattern: RegExp | string, index = 0): Promise<string> {
    const connection = await this.connection(index)
    const has = () =>
      typeof pattern === 'string' ? connection.bytes.includes(pattern) : pattern.test(connection.bytes)
    await until(`the origin gets ${pattern}`, has).catch(() => {
      throw new Error(`origin expected ${pattern}, got ${JSON.stringify(connection.bytes)}`)
    })
    return connection.bytes
  }

  /** Answers the first head of each connection with these bytes, and closes if told so. */
  answers(response: string, then: 'stay' | 'end' | 'reset' = 'stay'): void {
    const answered = new WeakSet<Recorded>()
    this.onData = (connection) => {
      if (answered.has(connection) || !connection.bytes.includes('\r\n\r\n')) return
      answered.add(connection)
      connection.socket.write(Buffer.from(response, 'latin1'), () => {
        if (then === 'end') connection.socket.end()
        if (then === 'reset') connection.wire.resetAndDestroy()
      })
    }
  }

  close(): void {
    for (const { socket } of this.connections) socket.destroy()
    this.#server.close()
  }
}

/** `200` with the body `ok` for every head that has arrived. Enough where requests have no body. */
export function answerEachHead(
  response = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
): (connection: Recorded) => void {
  const answered = new WeakMap<Recorded, number>()
  return (connection) => {
    const heads = connection.bytes.split('\r\n\r\n').length - 1
    for (let i = answered.get(connection) ?? 0; i < heads; i++) connection.socket.write(response)
    answered.set(connection, heads)
  }
}
