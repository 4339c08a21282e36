'use strict'

// Loaded before the gateway (`node --require`): on SIGUSR2 the thread in front of its doors throws, in the middle of its loop. The gateway itself has
// nothing by which it could be made to fail.
const { getEnvironmentData, isMainThread, setEnvironmentData, workerData } = require('node:worker_threads')

const KEY = 'front-fault'

if (isMainThread) {
  const fault = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  setEnvironmentData(KEY, fault)
  process.on('SIGUSR2', () => Atomics.store(fault, 0, 1))
} else if (workerData?.epoch && workerData?.descriptors) {
  // The front's memory and nobody else's has both. Its loop reads the clock once a turn.
  const fault = getEnvironmentData(KEY)
  const now = performance.now.bind(performance)
  performance.now = () => {
    if (Atomics.load(fault, 0) > 0) throw new Error('a fault of the test')
    return now()
  }
}
