// What the client wants to reach: HTTP on 80, HTTPS on 443, and on 2525 a protocol whose server speaks first. Each tells who asked: the address
// that the connection came from is that of the gateway, of squid or of dante, and never that of the client.
import { appendFileSync, readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'

const note = (line) => appendFileSync('/logs/origin.log', `${JSON.stringify(line)}\n`)

const answer = (door) => (request, response) => {
  const line = { door, host: request.headers.host ?? '', peer: peerOf(request.socket), version: request.httpVersion }
  note(line)
  response.setHeader('content-type', 'application/json')
  response.end(`${JSON.stringify(line)}\n`)
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
