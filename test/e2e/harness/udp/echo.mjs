// udp echo: answers every datagram with the address it came from, a blank, and its bytes. Arguments: ADDRESS PORT, as many pairs as wanted.
import { createSocket } from 'node:dgram'

const places = process.argv.slice(2)
let waiting = places.length / 2
for (let at = 0; at < places.length; at += 2) {
  const [address, port] = [places[at], Number(places[at + 1])]
  const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 4 * 1024 * 1024 })
  socket.on('message', (data, from) => {
    socket.send(Buffer.concat([Buffer.from(`${from.address} `), data]), from.port, from.address)
  })
  socket.bind(port, address, () => {
    waiting -= 1
    if (waiting === 0) console.log('ready')
  })
}
