import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { Peer } from './peers/peer.ts'

/** The packages of those that are not here. What is here is left as it is: its program may have come with a package that another one would remove. */
export function packagesOf(peers: readonly Pick<Peer, 'packages' | 'available'>[]): string[] {
  return peers.filter((peer) => !peer.available()).flatMap((peer) => peer.packages)
}

const POLICY = '/usr/sbin/policy-rc.d'

/** Fetches Debian packages without letting them start their services. Needs root. */
export function install(packages: readonly string[]): void {
  if (packages.length === 0) return
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
