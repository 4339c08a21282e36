import { DockerSetupError, type SetupResult, setUpDocker } from '../gateway/docker-setup.ts'
import { maskAnyUserInfo } from '../wire/mask-user-info.ts'
import { EXIT } from './exit-code.ts'
import type { Io } from './io.ts'
import { type ConfigOption, loadOrReport } from './load-settings.ts'

export interface DockerSetupFlags extends ConfigOption {
  readonly print?: boolean
  readonly apply?: boolean
  readonly remove?: boolean
  readonly only?: 'engine' | 'client'
  readonly daemonJson?: string
  readonly clientConfig?: string
  readonly bypass?: string
}

/** `fairlead docker-setup`: shows, makes or takes back what the engine and its clients are told of the gateway. */
export async function runDockerSetup(flags: DockerSetupFlags, io: Io): Promise<number> {
  const asked = (['print', 'apply', 'remove'] as const).filter((action) => flags[action])
  if (asked.length > 1) {
    io.err(`--${asked.join(' and --')} together make no sense; choose one\n`)
    return EXIT.usage
  }
  const action = asked[0] ?? 'print'
  // What was done is undone from its record; the settings may be bad, or gone.
  const loaded = action === 'remove' ? undefined : await loadOrReport(flags, io)
  if (action !== 'remove' && !loaded) return EXIT.usage
  const { only, daemonJson, clientConfig, bypass = '' } = flags
  try {
    const results = await setUpDocker(loaded?.settings, {
      action,
      ...(only ? { only } : {}),
      ...(daemonJson === undefined ? {} : { daemonJson }),
      ...(clientConfig === undefined ? {} : { clientConfig }),
      bypass: bypass.split(/[\s,;]+/).filter((entry) => entry !== ''),
      env: io.env,
    })
    const done = results.filter(({ failure }) => !failure)
    if (done.length > 0)
      io.out(`${done.map((result) => render(result, action)).join('\n')}\n${nextSteps(done, action)}`)
    io.err(failures(results, action))
    const isNothing = action !== 'remove' && results.every(({ skipped }) => skipped)
    return isNothing || done.length < results.length ? EXIT.failed : EXIT.done
  } catch (thrown) {
    if (!(thrown instanceof DockerSetupError)) throw thrown
    io.err(`${thrown.message}\n${thrown.hint ? `${thrown.hint}\n` : ''}`)
    return EXIT.failed
  }
}

const FOR_WHOM = {
  engine: 'the engine: what it pulls and pushes',
  client: 'clients of the engine: the environment of new containers and builds',
}

function render({ part, file, changes, skipped, refusal, note }: SetupResult, action: string): string {
  const width = Math.max(0, ...changes.map(({ path }) => path.join('.').length))
  const lines = [
    `${file} (${FOR_WHOM[part]})`,
    ...(skipped ? [`  not told: ${skipped.reason}`, `  ${skipped.hint}`] : []),
    ...changes.map((change) => `  ${change.path.join('.').padEnd(width)}  ${describe(change)}`),
    ...(skipped || changes.length > 0
      ? []
      : [`  ${action === 'remove' ? 'nothing of ours is there' : 'nothing to do'}`]),
    ...(refusal ? [`  --apply would refuse: ${refusal.reason}`, `  ${refusal.hint}`] : []),
    ...(note ? [`  ${note.reason}`, `  ${note.hint}`] : []),
  ]
  return `${lines.join('\n')}\n`
}

/** What was not done, and what was all the same. */
function failures(results: readonly SetupResult[], action: string): string {
  const failed = results.flatMap(({ failure }) => (failure ? `${failure.reason}\n${failure.hint}\n` : []))
  if (failed.length === 0) return ''
  const others = results.filter(({ isChanged }) => isChanged).map(({ file }) => file)
  const isWritten = action !== 'print' && others.length > 0
  return `${failed.join('')}${isWritten ? `Written all the same: ${others.join(', ')}\n` : ''}`
}

/** Proxies have passwords in their URLs. */
function describe({ kind, ...values }: SetupResult['changes'][number]): string {
  const [before, after] = [values.before, values.after].map((text) => text && maskAnyUserInfo(text))
  switch (kind) {
    case 'added':
      return `${after}`
    case 'replaced':
      return `${after} in place of ${before}`
    case 'unchanged':
      return `${after}, as it is already`
    case 'removed':
      return 'removed'
    case 'restored':
      return `${after} again`
    case 'kept':
      return `kept: somebody has changed it to ${before}`
  }
}

function nextSteps(results: readonly SetupResult[], action: string): string {
  if (action === 'print') return 'Nothing has been written; --apply does it, and --remove takes it back.\n'
  const changed = (part: SetupResult['part']) => results.some((result) => result.part === part && result.isChanged)
  const steps = [
    ...(changed('engine')
      ? ['Restart the engine: sudo systemctl restart docker (containers stop with it, unless it has live-restore).']
      : []),
    ...(changed('client')
      ? ['Containers and builds started from now on have it; those that run keep what they had.']
      : []),
  ]
  return steps.length === 0 ? 'Nothing had to be changed.\n' : `${steps.join('\n')}\n`
}
