import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const DEFAULT = '/proc/sys/net/ipv4/tcp_congestion_control'

/** What TCP connections have here that nobody has given another: part of every figure, for BBR paces by a timer for each segment, also on loopback. */
export function congestionControl(): string {
  return readFileSync(DEFAULT, 'latin1').trim()
}

/**
 * The same program again with `args`, in a network namespace of its own whose connections have another congestion control. Needs root. The exit code.
 */
export function runWithCongestionControl(name: string, args: readonly string[]): number {
  const command = `ip link set lo up && echo "$0" > ${DEFAULT} && exec "$@"`
  const self = [process.execPath, ...process.execArgv, process.argv[1]!, ...args]
  return spawnSync('unshare', ['-n', 'sh', '-c', command, name, ...self], { stdio: 'inherit' }).status ?? 1
}
