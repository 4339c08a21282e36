/**
 * Whether somebody listens where the rules lead: a gateway that runs. Takes the table as nft lists it, and /proc/net/tcp (proc(5)); answers the port.
 */
export function portInUse(table: string, sockets: string): number | undefined {
  const led = [...table.matchAll(/tproxy ip6? to \S+:(\d+)/g)].map(([, port]) => Number(port))
  const listening = new Set(sockets.split('\n').flatMap(listeningPort))
  return led.find((port) => listening.has(port))
}

/** State of a TCP socket that listens (include/net/tcp_states.h). */
const LISTEN = '0A'

function listeningPort(line: string): number[] {
  const [, local, , state] = line.trim().split(/\s+/)
  return state === LISTEN && local !== undefined ? [Number.parseInt(local.slice(local.indexOf(':') + 1), 16)] : []
}
