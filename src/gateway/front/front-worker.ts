import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { ClientCounts } from '../../front/client-counts.ts'
import { Front } from '../../front/front.ts'
import type { FrontMemory, ToFront } from '../../front/messages.ts'
import { bareHoldQueue } from '../../passthrough/hold/bare-hold-queue.ts'
import { PipePool, pipeShare } from '../../relay/pipe-pool.ts'
import { BYTES_DOWN, BYTES_UP, FINS, FIRST_BYTE_MS, ROW } from '../../relay/worker-protocol.ts'
import { admitsFrom } from '../admits-from.ts'
import { tunnelStarter } from './start-tunnel.ts'

/** The front's thread: puts its parts together and runs it to its end. */
const memory = workerData as FrontMemory
const rows = new Float64Array(memory.rows)
const pool = new PipePool(pipeShare(memory.pipeSharers))
const admitted = new Map<readonly string[], ReturnType<typeof admitsFrom>>()

new Front({
  startTunnel: tunnelStarter(rows, pool),
  admits(from, address) {
    // One list a door and reload: a handful, but not without end.
    if (admitted.size > 1_000) admitted.clear()
    const admits = admitted.get(from) ?? admitsFrom(from)
    admitted.set(from, admits)
    return admits({ address, local: false })
  },
  receive() {
    const messages: ToFront[] = []
    for (;;) {
      const received = receiveMessageOnPort(parentPort!) as { message: ToFront[] } | undefined
      if (!received) return messages
      messages.push(...received.message)
    }
  },
  post: (message) => parentPort!.postMessage(message),
  counts: (row) => [rows[row * ROW + BYTES_UP]!, rows[row * ROW + BYTES_DOWN]!, rows[row * ROW + FIRST_BYTE_MS]!],
  clearRow(row) {
    const at = row * ROW
    rows[at + BYTES_UP] = 0
    rows[at + BYTES_DOWN] = 0
    rows[at + FINS] = 0
    rows[at + FIRST_BYTE_MS] = -1
  },
  progress: (row) => rows[row * ROW + BYTES_UP]! + rows[row * ROW + BYTES_DOWN]! + rows[row * ROW + FINS]!,
  holdQueue: bareHoldQueue,
  threads: memory.threads,
  descriptors: new Int32Array(memory.descriptors),
  listening: new Int32Array(memory.listening),
  own: new Int32Array(memory.own),
  connections: new Int32Array(memory.connections),
  clients: new ClientCounts(memory.clients, 'front'),
  epoch: new Int32Array(memory.epoch),
}).run()
pool.close()
