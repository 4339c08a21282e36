import { EPOLLIN, EPOLLOUT } from '../../src/system/linux/epoll.ts'
import { EAGAIN, errno } from '../../src/system/linux/libc.ts'
import { Readiness } from './readiness.ts'
import { accept, discard, listenOn, MSG_NOSIGNAL, pour, receive, transmit } from './sockets.ts'

/**
 * The far end of every measurement, a process of its own. The first byte of a connection says what it does:
 * `D` sends until the peer has gone, `U` takes until the end, `E` echoes, `G` (of GET) answers HTTP requests.
 */
const RESPONSE = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n\r\n${'x'.repeat(1024)}`,
)
const END_OF_HEAD = '\r\n\r\n'
const BUFFER_BYTES = 64 * 1024
/** Sends in a row before others have their turn. */
const BURST = 8

const loop = new Readiness()
const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
/** Arguments: address and port; a free one of loopback without. */
const [address, port] = process.argv.slice(2)
const listener = listenOn(address, port === undefined ? undefined : Number(port))

loop.add(listener.fd, EPOLLIN, () => {
  for (let fd = accept(listener.fd); fd >= 0; fd = accept(listener.fd)) open(fd)
})

function open(fd: number): void {
  let role = 0
  const first = (got: number): void => {
    role = buffer[0]!
    if (role === 0x47) answer(got)
    else if (role === 0x45) echo(got)
    else if (role === 0x44) loop.replace(fd, EPOLLOUT, stream)
  }
  const echo = (got: number): void => {
    transmit(fd, buffer, got, MSG_NOSIGNAL)
  }
  // A head may come in pieces, even within its last four bytes.
  let tail = ''
  const answer = (got: number): void => {
    const seen = tail + buffer.toString('latin1', 0, got)
    for (let at = seen.indexOf(END_OF_HEAD); at >= 0; at = seen.indexOf(END_OF_HEAD, at + 4)) {
      transmit(fd, RESPONSE, RESPONSE.length, MSG_NOSIGNAL)
    }
    tail = seen.endsWith(END_OF_HEAD) ? '' : seen.slice(-3)
  }
  const stream = (): void => {
    for (let sends = 0; sends < BURST; sends += 1) {
      if (pour(fd) >= 0) continue
      if (errno() !== EAGAIN) loop.closeDescriptor(fd)
      return
    }
  }
  // Level-triggered: what a burst leaves undone is called again.
  loop.add(fd, EPOLLIN, () => {
    const got = role === 0x55 ? discard(fd) : receive(fd, buffer, BUFFER_BYTES, 0)
    if (got <= 0) leave(fd, got)
    else if (role === 0) first(got)
    else if (role === 0x45) echo(got)
    else if (role === 0x47) answer(got)
  })
}

function leave(fd: number, got: number): void {
  if (got < 0 && errno() === EAGAIN) return
  loop.closeDescriptor(fd)
}

process.send!({ port: listener.port })
process.on('disconnect', () => process.exit())
/** Milliseconds of the bare loop before Node has its turn, to see whether the parent is still there. */
const SLICE_MS = 200
const run = (): void => {
  const until = performance.now() + SLICE_MS
  while (performance.now() < until) loop.turn(SLICE_MS)
  setImmediate(run)
}
setImmediate(run)
