import { parentPort, workerData } from 'node:worker_threads'
import { EAGAIN, EINTR, ENOBUFS, errno } from '../../system/linux/libc.ts'
import { receive } from '../../system/linux/sockets.ts'
import { QUEUED_BYTES, readQueued } from './queue-messages.ts'
import type { FromQueueWorker, QueueWorkerData } from './syn-queue.ts'

// Sleeps in recv, for Node's event loop takes no netlink sockets; the main thread gives the verdicts on the same socket.
const { fd, stop } = workerData as QueueWorkerData
const stopped = new Int32Array(stop)
const buffer = Buffer.alloc(QUEUED_BYTES)
const tell = (message: FromQueueWorker) => parentPort!.postMessage(message)

while (Atomics.load(stopped, 0) === 0) {
  const bytes = receive(fd, buffer, buffer.length, 0)
  if (bytes > 0) {
    const { syns, unread } = readQueued(buffer.subarray(0, bytes))
    if (syns.length > 0 || unread.length > 0) tell({ kind: 'packets', syns, unread })
  } else if (bytes < 0) {
    const code = errno()
    // ENOBUFS: the kernel has dropped some; their clients send again.
    if (code !== EAGAIN && code !== EINTR && code !== ENOBUFS) {
      tell({ kind: 'lost', code })
      break
    }
  }
}
