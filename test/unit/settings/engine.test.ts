import t from 'tap'
import { formatEngineAddress, parseEngineAddress } from '../../../src/wire/engine-address.ts'
import { loadText } from '../../fixtures/settings/load-text.ts'

t.test('where the engine is', async (t) => {
  const table: [text: string, env: Record<string, string>, expected: string | undefined][] = [
    ['{}', {}, 'unix:///var/run/docker.sock (auto)'],
    ['{}', { DOCKER_HOST: 'unix:///run/user/7/docker.sock' }, 'unix:///run/user/7/docker.sock (auto)'],
    ['{}', { DOCKER_HOST: 'tcp://127.0.0.1' }, 'tcp://127.0.0.1:2375 (auto)'],
    ['{}', { DOCKER_HOST: 'ssh://somewhere' }, undefined],
    ['engine: { socket: auto }', { DOCKER_HOST: 'tcp://[::1]:9' }, 'tcp://[::1]:9 (auto)'],
    ['engine: { socket: off }', { DOCKER_HOST: 'tcp://[::1]:9' }, undefined],
    ['engine: { socket: "unix:///x.sock" }', { DOCKER_HOST: 'tcp://[::1]:9' }, 'unix:///x.sock'],
    ['engine: { socket: "npipe:////./pipe/docker_engine" }', {}, 'npipe:////./pipe/docker_engine'],
  ]
  for (const [text, env, expected] of table) {
    const { loaded, printed } = await loadText(text, { env })
    const engine = loaded?.settings.engine
    const shown = engine && `${formatEngineAddress(engine.address)}${engine.auto ? ' (auto)' : ''}`
    t.equal(shown, expected, text)
    if (env['DOCKER_HOST']?.startsWith('ssh')) t.match(printed, /DOCKER_HOST cannot be used/)
    else t.equal(printed, '')
  }
})

t.test('what is no engine', async (t) => {
  for (const text of [
    '/var/run/docker.sock',
    'unix:/x',
    'http://x',
    'tcp://',
    'tcp://a:b:c',
    '7',
    'npipe:////x/y',
    'ssh://x',
  ]) {
    const { printed, problems } = await loadText(`engine: { socket: ${JSON.stringify(text)} }`)
    t.equal(problems.length, 1, text)
    t.match(printed, /expected: auto, off, unix:/)
  }
  t.match((await loadText('engine: { socket: /var/run/docker.sock }')).printed, 'Write unix:///var/run/docker.sock.')
  t.same(parseEngineAddress('npipe:////./pipe/docker_engine'), { kind: 'unix', path: '\\\\.\\pipe\\docker_engine' })
})

t.test('what can do nothing without an engine says what keeps it from being followed', async (t) => {
  const text = 'reverse: { listen: 1080 }\ncapture: { enabled: true }'
  const env = { DOCKER_HOST: 'ssh://somewhere' }
  const messages = async (more: string) =>
    (await loadText(`${text}\n${more}`, { env })).problems.map(({ message }) => message)
  t.same(await messages(''), [
    'no engine is followed (DOCKER_HOST cannot be used: an engine cannot be followed over ssh), so there are no networks of it to capture',
    'no engine is followed (DOCKER_HOST cannot be used: an engine cannot be followed over ssh), so there are no containers to lead to',
  ])
  for (const message of await messages('engine: { socket: off }')) t.match(message, /^no engine is followed, so there/)
})
