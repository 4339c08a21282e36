import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import { LATE_BYTES, madeUpBytes } from './made-up-bytes.ts'

/**
 * The origins, as a program on the corp host: `serve.ts HOST CERT KEY [IPV6-HOST]`. Prints its ports as one JSON line. Every origin says
 * from which address the connection came, which tells the proxy that made it.
 */
const [host, cert, key, host6] = process.argv.slice(2)
if (!host || !cert || !key) throw new Error('usage: serve.ts HOST CERT KEY [IPV6-HOST]')

/** The late origin waits this long after the client's FIN before the second half of its answer: time in which a proxy that gives up loses it. */
const LATE_MS = 50

const http = createHttpServer(answer)
const https = createHttpsServer({ cert: readFileSync(cert), key: readFileSync(key) }, answer)
for (const server of [http, https]) {
  const sockets = new WebSocketServer({ server, path: '/socket' })
  sockets.on('connection', (socket, request) => {
    socket.send(`hello ${from(request.socket)}`)
    socket.on('message', (data, binary) => socket.send(data, { binary }))
  })
}

/** Speaks first, as SMTP, SSH and MySQL do; then echoes. */
const banner = tcp((socket) => {
  socket.write(`220 origin speaks first to ${from(socket)}\r\n`)
  socket.pipe(socket)
})

/** Answers only after the client's FIN: first what it got, and, a moment later, much more. */
const late = tcp((socket) => {
  const digest = createHash('sha256')
  let length = 0
  socket.on('data', (chunk) => {
    digest.update(chunk)
    length += chunk.length
  })
  socket.on('end', () => {
    socket.write(`${JSON.stringify({ from: from(socket), length, sha256: digest.digest('hex') })}\n`)
    setTimeout(() => socket.end(madeUpBytes(LATE_BYTES)), LATE_MS)
  })
})

/** Ends first: says goodbye, and still listens to whatever the client has left to say. What it was is a line of this program's output. */
const farewell = tcp((socket) => {
  const client = from(socket)
  const digest = createHash('sha256')
  let length = 0
  socket.end('221 goodbye\r\n')
  socket.on('data', (chunk) => {
    digest.update(chunk)
    length += chunk.length
  })
  socket.on('end', () => {
    process.stdout.write(`${JSON.stringify({ from: client, length, sha256: digest.digest('hex') })}\n`)
  })
})

const servers = { http, https, banner, late, farewell }
const ports = Object.fromEntries(
  await Promise.all(Object.entries(servers).map(async ([name, server]) => [name, await listen(server, host)] as const)),
)
if (host6) {
  const http6 = createHttpServer(answer)
  ports['http6'] = await listen(http6, host6)
}
process.stdout.write(`${JSON.stringify(ports)}\n`)

function answer(...[request, response]: Parameters<RequestListener>): void {
  const url = new URL(request.url ?? '/', 'http://origin')
  if (url.pathname === '/bytes') {
    response.writeHead(200, { 'content-type': 'application/octet-stream' })
    response.end(madeUpBytes(Number(url.searchParams.get('length'))))
  } else if (url.pathname === '/digest') {
    const digest = createHash('sha256')
    let length = 0
    request.on('data', (chunk: Buffer) => {
      digest.update(chunk)
      length += chunk.length
    })
    request.on('end', () => reply({ length, sha256: digest.digest('hex') }))
  } else {
    reply({ method: request.method, url: request.url, headers: request.rawHeaders })
  }
  function reply(more: object): void {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(`${JSON.stringify({ from: from(request.socket), ...more })}\n`)
  }
}

function tcp(serve: (socket: Socket) => void): Server {
  return createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    serve(socket)
  })
}

function listen(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, address, () => resolve((server.address() as AddressInfo).port))
  })
}

function from(socket: IncomingMessage['socket']): string {
  return socket.remoteAddress ?? 'unknown'
}
