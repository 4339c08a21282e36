// The behaviour tests under each way of moving bytes: with the fast relay off, and with it (and the thread in front of the doors) taking every
// tunnel from its start. `npm test` has what lies between: portable first, fast after 256 KiB.
//   npm run test:relay-modes [-- off|at-once]
import { spawnSync } from 'node:child_process'

const modes = process.argv.length > 2 ? process.argv.slice(2) : ['off', 'at-once']
for (const mode of modes) {
  console.log(`--- FAIRLEAD_FAST_RELAY=${mode}`)
  const began = performance.now()
  const { status } = spawnSync('npx', ['tap', 'test/flow/**/*.test.ts', 'test/unit/relay/*.test.ts'], {
    stdio: 'inherit',
    env: { ...process.env, FAIRLEAD_FAST_RELAY: mode },
  })
  console.log(
    `--- ${mode}: ${status === 0 ? 'passed' : 'FAILED'} in ${Math.round((performance.now() - began) / 1000)} s`,
  )
  if (status !== 0) process.exitCode = 1
}
