import { posix } from 'node:path'
import { installedEngineVersion, readsProxiesFromFile } from '../docker-setup/engine-version.ts'
import { readSetupFile, type SetupFile, writeSetupFile } from '../docker-setup/files.ts'
import { type KeyChange, type Plan, planApply, planRemove } from '../docker-setup/plan.ts'
import { DockerSetupError, NotPermittedError } from '../docker-setup/setup-error.ts'
import { type DoorChoice, type WantedPart, wantedSettings } from '../docker-setup/wanted.ts'
import type { Settings } from '../settings/settings.ts'
import { interfaceAddresses } from '../system/interface-addresses.ts'

export { DockerSetupError } from '../docker-setup/setup-error.ts'

export interface DockerSetupOptions {
  readonly action: 'print' | 'apply' | 'remove'
  /** Absent: both. */
  readonly only?: 'engine' | 'client'
  readonly daemonJson?: string
  readonly clientConfig?: string
  /** More that is not asked of the gateway. */
  readonly bypass: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** This machine's engine, for tests. */
  readonly machine?: Machine
}

interface Machine {
  readonly daemonJson: string
  engineVersion(): Promise<string | undefined>
  /** The host's address on the engine's own bridge, where there is one. */
  bridgeAddress(): string | undefined
}

/** What is so, and what can be done about it. */
export interface SetupNote {
  readonly reason: string
  readonly hint: string
}

export interface SetupResult {
  readonly part: 'engine' | 'client'
  readonly file: string
  readonly changes: readonly KeyChange[]
  /** Whether the file is, or with `print` would be, another one. */
  readonly isChanged: boolean
  /** Why nothing can be told there. What was told before is then taken back. */
  readonly skipped?: SetupNote
  /** Why `apply` would write nothing at all. */
  readonly refusal?: SetupNote
  /** What to know beside the changes. */
  readonly note?: SetupNote
  /** Why this file is as it was; the other one is not concerned. */
  readonly failure?: SetupNote
}

const THIS_MACHINE: Machine = {
  daemonJson: '/etc/docker/daemon.json',
  engineVersion: () => installedEngineVersion(),
  bridgeAddress: () =>
    interfaceAddresses().find(({ device, address }) => device === 'docker0' && !address.includes(':'))?.address,
}
/** Modes of files that are not there yet: the engine's is for all to read, a client's gets log-ins. */
const MODES = { engine: 0o644, client: 0o600 }

/**
 * With settings, tells engine and clients of their doors; without, takes back what was told. Plans for both files, and only then writes. A file that
 * cannot be understood keeps both as they are (throws `DockerSetupError`); one that cannot be read or written is that part's failure.
 */
export async function setUpDocker(settings: Settings | undefined, options: DockerSetupOptions): Promise<SetupResult[]> {
  const { action, only, bypass, machine = THIS_MACHINE } = options
  const parts = (['engine', 'client'] as const).filter((part) => only === undefined || only === part)
  const wanted =
    settings && wantedSettings({ doors: doorsOf(settings), bridgeAddress: machine.bridgeAddress(), noProxy: bypass })
  // Asked before the files are read: it may take seconds, in which somebody writes them.
  const tooOld = parts.includes('engine') && wanted?.engine.values ? await whyNotThisEngine(options) : undefined
  const work: Work[] = []
  for (const part of parts) work.push(await planPart(part, wanted?.[part], options))
  const refusal = work.some(({ part, plan, file }) => part === 'engine' && plan?.text !== file?.text) && tooOld
  if (refusal && action === 'apply') throw new DockerSetupError(refusal.reason, refusal.hint)
  const results: SetupResult[] = []
  for (const { part, path, file, plan, skipped, note, ...planned } of work) {
    const failure = planned.failure ?? (action === 'print' ? undefined : await written(part, file!, plan!, action))
    results.push({
      part,
      file: path,
      changes: failure ? [] : plan!.changes,
      isChanged: !failure && plan!.text !== file!.text,
      ...(skipped ? { skipped } : {}),
      ...(refusal && part === 'engine' ? { refusal } : {}),
      ...(note ? { note } : {}),
      ...(failure ? { failure } : {}),
    })
  }
  return results
}

/** What shall become of one file; without `plan` there is a `failure`. */
interface Work extends Pick<SetupResult, 'part' | 'skipped' | 'note' | 'failure'> {
  readonly path: string
  readonly file?: SetupFile
  readonly plan?: Plan
}

async function planPart(
  part: SetupResult['part'],
  target: WantedPart | undefined,
  options: DockerSetupOptions,
): Promise<Work> {
  const { action } = options
  const path = pathOf(part, options)
  let file: SetupFile
  try {
    file = await readSetupFile(path)
  } catch (thrown) {
    if (!(thrown instanceof NotPermittedError)) throw thrown
    return { part, path, failure: failureOf(part, action, thrown) }
  }
  const skipped = target?.values ? {} : target && { skipped: target }
  const stays = target?.values === undefined && target?.isForNow === true
  const plan = stays
    ? { ...file, changes: [] }
    : target?.values
      ? planApply(path, file.text, file.record, target.values)
      : planRemove(path, file.text, file.record)
  const work = { part, path, file, plan, ...skipped }
  if (file.hidden && !stays && !(target?.values && plan.text === file.text)) {
    const failure = failureOf(part, action, file.hidden)
    if (action !== 'print') return { ...work, failure }
    return { ...work, note: { reason: `what was done before cannot be seen: ${failure.reason}`, hint: failure.hint } }
  }
  if (!stays || !(file.record || file.hidden)) return work
  const hint = `docker-setup --remove --only ${part} takes it back.`
  return { ...work, note: { reason: 'what was told before is still there', hint } }
}

/** Writes; what keeps it from that is the result. */
async function written(
  part: SetupResult['part'],
  file: SetupFile,
  plan: Plan,
  action: 'apply' | 'remove',
): Promise<SetupNote | undefined> {
  try {
    await writeSetupFile(file, plan, MODES[part])
    return undefined
  } catch (thrown) {
    if (!(thrown instanceof DockerSetupError)) throw thrown
    return failureOf(part, action, thrown)
  }
}

function failureOf(
  part: SetupResult['part'],
  action: DockerSetupOptions['action'],
  error: DockerSetupError,
): SetupNote {
  // As root, `~` is root's, and so would be the client's file.
  const asOwner =
    part === 'engine'
      ? `Only its owner may: sudo fairlead docker-setup --${action} --only engine`
      : 'Only its owner may; with sudo, name the file with --client-config.'
  const hint = error instanceof NotPermittedError ? asOwner : (error.hint ?? 'Mend that, and run the command again.')
  return { reason: error.message, hint }
}

/** An engine before 23.0 would not start again with the file. One that was named is somebody's own affair: it may be for another machine. */
async function whyNotThisEngine({
  daemonJson,
  machine = THIS_MACHINE,
}: DockerSetupOptions): Promise<SetupNote | undefined> {
  if (daemonJson !== undefined) return undefined
  const version = await machine.engineVersion()
  if (version === undefined || readsProxiesFromFile(version)) return undefined
  return {
    reason: `this machine’s engine is ${version}, which does not know \`proxies\` in daemon.json and would not start with it (23.0 does)`,
    hint: 'Nothing was written. Set HTTP_PROXY and HTTPS_PROXY for the service instead (systemctl edit docker); --only client does the rest, --daemon-json FILE writes in spite of it.',
  }
}

function pathOf(part: 'engine' | 'client', options: DockerSetupOptions): string {
  const { daemonJson, clientConfig, env, machine = THIS_MACHINE } = options
  if (part === 'engine') return daemonJson ?? machine.daemonJson
  if (clientConfig !== undefined) return clientConfig
  const folder = env['DOCKER_CONFIG'] || (env['HOME'] && posix.join(env['HOME'], '.docker'))
  if (folder) return posix.join(folder, 'config.json')
  throw new DockerSetupError('there is no HOME to find the client’s settings in', 'Name the file with --client-config.')
}

function doorsOf({ listen }: Settings): DoorChoice[] {
  const doors = [
    ...listen.mixed.map((door) => ({ ...door, scheme: 'http' as const })),
    ...listen.tls.map((door) => ({ ...door, scheme: 'https' as const })),
  ]
  return doors
    .filter(({ scope }) => scope === 'containers')
    .map(({ address, scheme, users }) => ({ address, scheme, needsUser: users !== undefined }))
}
