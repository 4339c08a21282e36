// What the client wants to reach: HTTP on 80, HTTPS on 443, with files for git and apt, and on 2525 a protocol whose server speaks first. Each tells who asked: the address
// that the connection came from is that of the gateway, of squid or of dante, and never that of the client.
import { appendFileSync, existsSync, readFileSync, statSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { join, normalize } from 'node:path'

const note = (line) => appendFileSync('/logs/origin.log', `${JSON.stringify(line)}\n`)

const answer = (door) => (request, response) => {
  const line = { door, host: request.headers.host ?? '', peer: peerOf(request.socket), version: request.httpVersion }
  note(line)
  if (request.url.startsWith('/files/')) return sendFile(request, response)
  response.setHeader('content-type', 'application/json')
  response.end(`${JSON.stringify(line)}\n`)
}

function sendFile(request, response) {
  const file = join('/srv/www', normalize(decodeURIComponent(request.url.slice('/files'.length).replace(/\?.*/, ''))))
  const isFile = existsSync(file) && statSync(file).isFile()
  response.writeHead(isFile ? 200 : 404)
  response.end(isFile ? readFileSync(file) : undefined)
}

const peerOf = (socket) => (socket.remoteAddress ?? '').replace(/^::ffff:/, '')

http.createServer(answer('http')).listen(80)
const tls = { cert: readFileSync('/pki/server.pem'), key: readFileSync('/pki/server.key') }
https.createServer(tls, answer('https')).listen(443)
net
  .createServer((socket) => {
    const line = { door: 'banner', peer: peerOf(socket) }
    // Not the health check.
    if (line.peer !== '127.0.0.1') note(line)
    socket.on('error', () => {})
    socket.end(`220 ${JSON.stringify(line)}\r\n`)
  })
  .listen(2525)
