import { readFileSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { basename, join } from 'node:path'

/** The files of one folder: `serve-files.ts HOST CERT KEY FOLDER`. Prints its ports as one JSON line. */
const [host, cert, key, folder] = process.argv.slice(2)
if (!host || !cert || !key || !folder) throw new Error('usage: serve-files.ts HOST CERT KEY FOLDER')

const http = await listen(createServer(serve))
const https = await listen(createHttpsServer({ cert: readFileSync(cert), key: readFileSync(key) }, serve))
process.stdout.write(`${JSON.stringify({ http, https })}\n`)

function serve(request: IncomingMessage, response: ServerResponse): void {
  const file = join(folder!, basename(new URL(request.url ?? '/', 'http://origin').pathname))
  const found = statSync(file, { throwIfNoEntry: false })
  if (!found?.isFile()) return void response.writeHead(404).end()
  response.writeHead(200, { 'content-length': found.size, 'last-modified': found.mtime.toUTCString() })
  response.end(request.method === 'HEAD' ? undefined : readFileSync(file))
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, host, () => resolve((server.address() as AddressInfo).port)))
}
