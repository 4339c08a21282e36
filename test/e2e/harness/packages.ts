import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

const LIST = new URL('../../../.ci/e2e-packages.txt', import.meta.url)
const POLICY = '/usr/sbin/policy-rc.d'
/** Another apt may be at work (unattended upgrades); long enough for it to finish. */
const LOCK_SECONDS = 300

export function wantedPackages(): string[] {
  return readFileSync(LIST, 'utf8')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((name) => name !== '')
}

/** Installs what is missing, with no service started and none left enabled. Throws with apt's own words when it fails. */
export function installPackages(say: (text: string) => void): void {
  const missing = wantedPackages().filter((name) => !isInstalled(name))
  if (missing.length === 0) return
  say(`installing from the distribution: ${missing.join(' ')}`)
  const unitsBefore = enabledUnits()
  withServicesHeldBack(() => {
    apt(['update', '-qq'])
    apt(['install', '-y', '-qq', '--no-install-recommends', ...missing])
  })
  const added = enabledUnits().filter((unit) => !unitsBefore.includes(unit))
  if (added.length > 0) spawnSync('systemctl', ['disable', '--quiet', ...added], { stdio: 'ignore' })
}

function isInstalled(name: string): boolean {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own format
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' })
  return stdout === 'installed'
}

/** Units that would start with the machine; none where there is no systemctl. */
function enabledUnits(): string[] {
  const { status, stdout } = spawnSync('systemctl', ['list-unit-files', '--state=enabled', '--no-legend'], {
    encoding: 'utf8',
  })
  return status === 0
    ? stdout
        .split('\n')
        .map((line) => line.trim().split(/\s+/)[0] ?? '')
        .filter(Boolean)
    : []
}

function apt(args: string[]): void {
  const { status, stderr, stdout } = spawnSync('apt-get', ['-o', `DPkg::Lock::Timeout=${LOCK_SECONDS}`, ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status !== 0) throw new Error(`apt-get ${args.join(' ')} failed:\n${stderr}${stdout}`.slice(0, 4000))
}

/** policy-rc.d is Debian's way to say "start nothing" while packages are set up; the machine's own is put back afterwards. */
function withServicesHeldBack(work: () => void): void {
  const saved = `${POLICY}.fairlead-e2e`
  if (existsSync(POLICY)) renameSync(POLICY, saved)
  const restore = () => {
    rmSync(POLICY, { force: true })
    if (existsSync(saved)) renameSync(saved, POLICY)
  }
  process.once('exit', restore)
  try {
    writeFileSync(POLICY, '#!/bin/sh\nexit 101\n')
    chmodSync(POLICY, 0o755)
    work()
  } finally {
    restore()
    process.off('exit', restore)
  }
}
