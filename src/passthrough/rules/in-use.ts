import { readFile } from 'node:fs/promises'
import { GatewayError } from '../../contracts/gateway-error.ts'
import type { LocalPorts } from './capture-plan.ts'
import { LIST } from './nft-table.ts'
import { runCommand } from './run-command.ts'

/** Rejects beside a gateway that runs in this network namespace: its rules are not ours to replace, nor to take away. */
export async function assertNoOtherGateway(): Promise<void> {
  const { stdout } = await runCommand(LIST)
  const files = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')))
  const port = portInUse(stdout, files.join('\n'))
  if (port === undefined) return
  throw new GatewayError('INTERNAL', `capture: a gateway runs here: the rules lead to port ${port}, which is open`, {
    hint: 'Stop it, or set capture.enabled: false; either takes the rules away. Without them containers would go out past the policy.',
  })
}

/**
 * Whether somebody listens where the rules lead: a gateway that runs. Takes the table as nft lists it, and /proc/net/tcp (proc(5)); answers a port. Of a
 * gateway that was killed another program may have one port by chance, and hardly all of them.
 */
export function portInUse(table: string, sockets: string): number | undefined {
  const led = portsLedTo(table)
  const listening = new Set(sockets.split('\n').flatMap(listeningPort))
  return led.every((port) => listening.has(port)) ? led[0] : undefined
}

/** Whether these rules are another gateway's: of one that has started while this one was still ending. */
export function leadsElsewhere(table: string, own: LocalPorts): boolean {
  const led = portsLedTo(table)
  return led.length > 0 && !led.some((port) => port === own[4] || port === own[6])
}

function portsLedTo(table: string): number[] {
  return [...table.matchAll(/l4proto tcp .*tproxy ip6? to \S+:(\d+)/g)].map(([, port]) => Number(port))
}

/** State of a TCP socket that listens (include/net/tcp_states.h). */
const LISTEN = '0A'

function listeningPort(line: string): number[] {
  const [, local, , state] = line.trim().split(/\s+/)
  return state === LISTEN && local !== undefined ? [Number.parseInt(local.slice(local.indexOf(':') + 1), 16)] : []
}
