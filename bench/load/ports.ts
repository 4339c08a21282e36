import { readFileSync } from 'node:fs'

const RANGE = '/proc/sys/net/ipv4/ip_local_port_range'
/** What many programs have as their own lies below. */
const LOWEST = 10_000

/**
 * A port to try to listen on, by chance, and never one that the kernel gives to connections that name none: with thousands of idle tunnels those are all
 * taken, and one that was free a moment ago is not when the program that shall listen there has started.
 */
export function listeningPort(): number {
  return LOWEST + Math.floor(Math.random() * (firstOfConnections() - LOWEST))
}

function firstOfConnections(): number {
  try {
    const first = Number(readFileSync(RANGE, 'latin1').split('\t', 1)[0])
    return first > LOWEST + 1_000 ? first : 65_536
  } catch {
    return 32_768
  }
}
