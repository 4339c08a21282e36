// Two connection attempts to a port whose SYNs wait in a queue of the kernel, each the first packet of its binding. The verdict of the first is said when
// the second is held. Prints both packets' numbers, and what became of the second by then. Arguments: the queue, the port.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { SynQueue } from '../../../dist/passthrough/hold/syn-queue.js'

const [queue, port] = process.argv.slice(2).map(Number)
/** The rule that queues leaves packets with any mark alone. */
const MARK = 1
const held = []
let wake = () => {}

const bound = new SynQueue({
  queue,
  length: 9,
  acceptMark: () => MARK,
  onSyn({ packet }, answer) {
    held.push({ packet, answer })
    wake()
  },
  onLost: (reason) => console.error(reason),
})
const before = await attempt()
before.socket.destroy()
bound.takeBack()
const now = await attempt()
before.answer(MARK)
// The kernel is through with a verdict when it returns, and what it had to tell comes before a connection that is made after it.
const server = createServer().listen(0, '127.0.0.1', () => connect(server.address().port, '127.0.0.1'))
await once(server, 'connection')
const { told } = now
process.stdout.write(JSON.stringify({ before: before.packet, now: now.packet, told: told() }), () => process.exit())

/** One that is held. Let in, it is refused at once, for nobody listens there. */
async function attempt() {
  let refusal = 'nothing'
  const socket = connect(port, '127.0.0.1').on('error', ({ code }) => {
    refusal = code
  })
  const count = held.length
  while (held.length === count) {
    await new Promise((resolve) => {
      wake = resolve
    })
  }
  return { socket, told: () => refusal, ...held.at(-1) }
}
