// Many clients at once, one datagram each; prints how many were answered by the one they asked, and by anybody else. Arguments: ADDRESS PORT CLIENTS.
import { createSocket } from 'node:dgram'

const [address, port, clients] = process.argv.slice(2)
const answered = new Set()
let strangers = 0
for (let client = 0; client < Number(clients); client += 1) {
  const socket = createSocket('udp4')
  socket.on('message', (_, from) => {
    if (from.address === address && from.port === Number(port)) answered.add(client)
    else strangers += 1
  })
  socket.on('error', () => {})
  await new Promise((resolve) => socket.bind(0, resolve))
  socket.send(String(client), Number(port), address)
  if (client % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 20))
}
setTimeout(() => {
  console.log(JSON.stringify({ answered: answered.size, strangers }))
  process.exit(0)
}, 2_000)
