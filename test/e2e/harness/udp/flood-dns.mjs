// Questions of one client, all at once, and then one of another; prints after how many ms that one was answered, as JSON. Arguments: SERVER SOURCE QUESTIONS THEIRS OURS (names).
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

const [server, source, questions, theirs, ours] = process.argv.slice(2)
const questionFor = (name) => {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]))
  return Buffer.concat([Buffer.from('000101000001000000000000', 'hex'), ...labels, Buffer.from('0000010001', 'hex')])
}
const socketAt = async (address) => {
  const socket = createSocket('udp4')
  socket.on('error', () => {})
  socket.bind(0, address)
  await once(socket, 'listening')
  return socket
}
const quiet = await socketAt()
const ask = (question) => {
  const began = performance.now()
  const send = () => quiet.send(question, 53, server)
  send()
  // As resolvers do: one question may be lost among so many.
  const again = setInterval(send, 1_000)
  return once(quiet, 'message').then(() => {
    clearInterval(again)
    return Math.round(performance.now() - began)
  })
}
// The answers are kept from here on.
await ask(questionFor(theirs))
await ask(questionFor(ours))
const alone = await ask(questionFor(ours))
const flooding = questionFor(theirs)
const flood = await socketAt(source)
for (let sent = 0; sent < Number(questions); sent += 1) {
  flood.send(flooding, 53, server)
  if (sent % 100 === 99) await new Promise((resolve) => setImmediate(resolve))
}
setTimeout(() => process.exit(1), 20_000)
console.log(JSON.stringify({ alone, behind: await ask(questionFor(ours)) }))
process.exit(0)
