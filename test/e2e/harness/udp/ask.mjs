// One datagram from a connected socket, and what comes of it within 2 s, as JSON: { reply, ms } or { error, ms }. Arguments: ADDRESS PORT BYTES [SOURCE].
import { createSocket } from 'node:dgram'

const [address, port, bytes, source] = process.argv.slice(2)
const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
const began = performance.now()
const done = (what) => {
  console.log(JSON.stringify({ ...what, ms: Math.round(performance.now() - began) }))
  process.exit(0)
}
socket.on('message', (data, from) => {
  const blank = data.indexOf(' ')
  done({
    reply: {
      seen: data.toString('latin1', 0, blank),
      bytes: data.length - blank - 1,
      from: from.address,
      port: from.port,
    },
  })
})
socket.on('error', ({ code }) => done({ error: code }))
const ask = () =>
  socket.connect(Number(port), address, (error) => {
    if (error) done({ error: error.code })
    else socket.send(Buffer.alloc(Number(bytes), 'x'))
  })
if (source) socket.bind({ address: source }, ask)
else ask()
setTimeout(() => done({ error: 'silence' }), 2_000)
