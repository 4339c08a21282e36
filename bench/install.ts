import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'

const POLICY = '/usr/sbin/policy-rc.d'

/** Fetches Debian packages without letting them start their services. Needs root. */
export function install(packages: readonly string[]): void {
  const kept = existsSync(POLICY)
  if (kept) renameSync(POLICY, `${POLICY}.before-bench`)
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n')
  chmodSync(POLICY, 0o755)
  try {
    apt(['update', '-q'])
    apt(['install', '-q', '-y', '--no-install-recommends', ...packages])
  } finally {
    rmSync(POLICY)
    if (kept) renameSync(`${POLICY}.before-bench`, POLICY)
  }
}

function apt(args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status } = spawnSync('apt-get', args, { stdio: ['ignore', 'inherit', 'inherit'], env })
  if (status !== 0) throw new Error(`apt-get ${args[0]} failed; is this Debian, and are you root?`)
}
