import { parseArgs } from 'node:util'

/** The names that options may choose from. */
export interface Known {
  readonly peers: readonly string[]
  readonly measurements: readonly string[]
}

/** What the benchmark is told on its command line. Throws at the first mistake: a measurement that leaves something out unasked is taken for another one. */
export function readOptions(words: readonly string[], known: Known) {
  const { values } = parseArgs({
    args: [...words],
    options: {
      help: { type: 'boolean' },
      guard: { type: 'boolean' },
      install: { type: 'boolean' },
      peers: { type: 'string' },
      only: { type: 'string' },
      runs: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '1' },
      congestion: { type: 'string' },
      out: { type: 'string', default: 'bench/out' },
    },
  })
  const peers = values.peers?.split(',').map((name) => name.trim())
  for (const name of peers ?? []) {
    if (name === '' || !known.peers.some((peer) => peer.startsWith(name)))
      throw new Error(`no peer’s name begins with ${name || '""'}; there are ${known.peers.join('; ')}`)
  }
  const only = values.only?.split(',')
  for (const id of only ?? []) {
    if (!known.measurements.includes(id)) throw new Error(`no measurement is called ${id || '""'}`)
  }
  const [runs, seconds] = [Number(values.runs), Number(values.seconds)]
  if (!Number.isSafeInteger(runs) || runs < 1)
    throw new Error(`--runs is a whole number from 1 on, not ${values.runs || '""'}`)
  if (!Number.isFinite(seconds) || seconds <= 0)
    throw new Error(`--seconds is a number above 0, not ${values.seconds || '""'}`)
  return { ...values, peers, only, runs, seconds }
}
