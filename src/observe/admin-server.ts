import { createServer, type Server } from 'node:http'
import type { Metrics } from './metrics.ts'

/** Milliseconds for a whole request on the admin socket; its clients are local programs. */
const REQUEST_MS = 5_000

/** Read-only: `GET /status` is JSON, `GET /metrics` Prometheus text. Bound by the gateway, by default to a UNIX socket of the user's own. */
export function createAdminServer(status: () => unknown, metrics: Metrics): Server {
  const server = createServer(async (request, response) => {
    request.resume()
    if (request.method !== 'GET') {
      response.writeHead(405, { allow: 'GET', 'content-type': 'text/plain' }).end('only GET\n')
    } else if (request.url === '/status') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(status())}\n`)
    } else if (request.url === '/metrics') {
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(await metrics.text())
    } else {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('there are /status and /metrics\n')
    }
  })
  server.requestTimeout = REQUEST_MS
  server.headersTimeout = REQUEST_MS
  return server
}
