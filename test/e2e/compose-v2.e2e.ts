import t from 'tap'
import { composeLab, onTheMachine, ROOT, said } from './harness/compose-lab.ts'
import { startEngine } from './harness/peers/engine.ts'
import { joinScenario } from './harness/scenario.ts'

// docker-compose.test.yml by `docker compose`, the plugin, with the images built by BuildKit. All that the environment is for is in compose.e2e.ts.

/** Milliseconds. */
const BUILD_MS = 400_000
const UP_MS = 400_000

const scenario = await joinScenario(t)
const engine = await startEngine(scenario, { proxy: '', clear: [] })
const plugin = await onTheMachine(scenario, ['bash', `${ROOT}test/e2e/compose-v2`], {})
t.equal(plugin.code, 0, said(plugin))
const { makeBase, compose } = composeLab(scenario, engine, ['docker', 'compose'], {
  DOCKER_CONFIG: plugin.stdout.trim(),
  DOCKER_BUILDKIT: '1',
})

await t.test('the base image is made without pulling anything', async (t) => {
  const made = await makeBase()
  t.equal(made.code, 0, said(made))
  const version = await compose(['version', '--short'])
  t.match(version.stdout, /^2\./, said(version))
  t.comment(`docker compose ${version.stdout.trim()}`)
})

await t.test('BuildKit builds the images', async (t) => {
  const done = await compose(['build', '--progress', 'plain'], BUILD_MS)
  t.equal(done.code, 0, said(done))
  t.match(done.stdout + done.stderr, /^#\d+ \[/m, 'it was BuildKit')
  t.comment(`built in ${Math.round(done.ms / 1000)} s`)
})

scenario.undo.push('the environment', async () => {
  await compose(['down', '--volumes', '--timeout', '2'])
})

await t.test('up --exit-code-from tests', async (t) => {
  const done = await compose(['up', '--no-color', '--timeout', '5', '--exit-code-from', 'tests'], UP_MS)
  t.equal(done.code, 0, said(done))
  // It wipes the line before some, whatever --ansi says.
  const lines = done.stdout.replaceAll('\x1b[2K', '')
  t.match(lines, /^ *tests-1 .*# fail 0$/m)
  t.notMatch(lines, /somebody has removed the rules/, 'the gateway finds its rules as they stand')
  const passed = Number(/^ *tests-1 .*# pass (\d+)$/m.exec(lines)?.[1])
  t.ok(passed >= 26, `${passed} tests in the environment passed`)
  t.comment(`in ${Math.round(done.ms / 1000)} s`)
})

await t.test('a red test makes the exit code', async (t) => {
  // `tests` shares the network of `client`, which runs no more; only the classic program starts it again for this.
  const started = await compose(['up', '--detach', '--no-build', 'client'], UP_MS)
  t.equal(started.code, 0, said(started))
  const done = await compose(['run', '--rm', '--no-deps', '--entrypoint', 'node', 'tests', '-e', 'process.exit(3)'])
  t.equal(done.code, 3, said(done))
})
