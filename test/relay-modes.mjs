// The behaviour tests under each way of moving bytes: with the fast relay off, and with it (and the thread in front of the doors) taking every
// tunnel from its start; what doors and their front do also with several threads there. `npm test` has what lies between: portable first, fast after 256 KiB.
//   npm run test:relay-modes [-- off|at-once|threads]
import { spawnSync } from 'node:child_process'

const ALL = ['test/flow/**/*.test.ts', 'test/unit/relay/*.test.ts']
const DOORS = ['front*', 'doors', 'drain-cut', 'reload', 'network-change', 'hostile*', 'http/*'].map(
  (name) => `test/flow/${name}.test.ts`,
)

const MODES = {
  off: { FAIRLEAD_FAST_RELAY: 'off' },
  'at-once': { FAIRLEAD_FAST_RELAY: 'at-once' },
  threads: { FAIRLEAD_FAST_RELAY: 'at-once', FAIRLEAD_TEST_FRONT_THREADS: '3' },
}
const modes = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(MODES)
for (const mode of modes) {
  console.log(
    `--- ${Object.entries(MODES[mode])
      .map((pair) => pair.join('='))
      .join(' ')}`,
  )
  const began = performance.now()
  const { status } = spawnSync('npx', ['tap', ...(mode === 'threads' ? DOORS : ALL)], {
    stdio: 'inherit',
    env: { ...process.env, ...MODES[mode] },
  })
  console.log(
    `--- ${mode}: ${status === 0 ? 'passed' : 'FAILED'} in ${Math.round((performance.now() - began) / 1000)} s`,
  )
  if (status !== 0) process.exitCode = 1
}
