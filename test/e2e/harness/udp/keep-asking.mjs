// Datagrams from one socket, ten a second until it is ended; prints what each reply says it was seen as, a line each. Arguments: ADDRESS PORT.
import { createSocket } from 'node:dgram'

const [address, port] = process.argv.slice(2)
const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
socket.on('message', (data) => console.log(data.toString('latin1').split(' ')[0]))
socket.bind(0, () => setInterval(() => socket.send('x', Number(port), address), 100))
