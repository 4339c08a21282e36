import { networkInterfaces } from 'node:os'
import { posix } from 'node:path'
import { installedEngineVersion, readsProxiesFromFile } from '../docker-setup/engine-version.ts'
import { readSetupFile, type SetupFile, writeSetupFile } from '../docker-setup/files.ts'
import { type KeyChange, type Plan, planApply, planRemove } from '../docker-setup/plan.ts'
import { DockerSetupError } from '../docker-setup/setup-error.ts'
import { type DoorChoice, wantedSettings } from '../docker-setup/wanted.ts'
import type { Settings } from '../settings/settings.ts'

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
  /** This machine's engine, for tests: its file, and how its version is asked for. */
  readonly machine?: { readonly daemonJson: string; engineVersion(): Promise<string | undefined> }
}

export interface SetupResult {
  readonly part: 'engine' | 'client'
  readonly file: string
  readonly changes: readonly KeyChange[]
  /** Whether the file is, or with `print` would be, another one. */
  readonly isChanged: boolean
  /** Why nothing is written there, where nothing can be. */
  readonly skipped?: { readonly reason: string; readonly hint: string }
  /** Why `apply` would write nothing at all. */
  readonly refusal?: { readonly reason: string; readonly hint: string }
}

const THIS_MACHINE = { daemonJson: '/etc/docker/daemon.json', engineVersion: () => installedEngineVersion() }
/** Modes of files that are not there yet: the engine's is for all to read, a client's gets log-ins. */
const MODES = { engine: 0o644, client: 0o600 }

/** With settings, tells engine and clients of their doors; without, takes back what was told. Plans for both files, and only then writes; a file that cannot be understood keeps both as they are. Throws `DockerSetupError`. */
export async function setUpDocker(settings: Settings | undefined, options: DockerSetupOptions): Promise<SetupResult[]> {
  const parts = (['engine', 'client'] as const).filter((part) => options.only === undefined || options.only === part)
  const wanted =
    settings && wantedSettings({ doors: doorsOf(settings), bridgeAddress: bridgeAddress(), noProxy: options.bypass })
  const work: { part: SetupResult['part']; file: SetupFile; plan: Plan; skipped?: SetupResult['skipped'] }[] = []
  for (const part of parts) {
    const file = await readSetupFile(pathOf(part, options))
    const target = wanted?.[part]
    if (!target) work.push({ part, file, plan: planRemove(file.path, file.text, file.record) })
    else if (target.values) work.push({ part, file, plan: planApply(file.path, file.text, file.record, target.values) })
    else work.push({ part, file, plan: { ...file, changes: [] }, skipped: target })
  }
  const isForEngine = work.some(({ part, plan, file }) => part === 'engine' && plan.text !== file.text)
  const refusal = isForEngine && options.action !== 'remove' ? await whyNotThisEngine(options) : undefined
  if (refusal && options.action === 'apply') throw new DockerSetupError(refusal.reason, refusal.hint)
  if (options.action !== 'print') for (const { part, file, plan } of work) await writeSetupFile(file, plan, MODES[part])
  return work.map(({ part, file, plan, skipped }) => ({
    part,
    file: file.path,
    changes: plan.changes,
    isChanged: plan.text !== file.text,
    ...(skipped ? { skipped } : {}),
    ...(refusal && part === 'engine' ? { refusal } : {}),
  }))
}

/** An engine before 23.0 would not start again with the file. One that was named is somebody's own affair: it may be for another machine. */
async function whyNotThisEngine({
  daemonJson,
  machine = THIS_MACHINE,
}: DockerSetupOptions): Promise<SetupResult['refusal']> {
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

function bridgeAddress(): string | undefined {
  return networkInterfaces()['docker0']?.find(({ family }) => family === 'IPv4')?.address
}
