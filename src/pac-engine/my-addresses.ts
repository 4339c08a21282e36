import { createSocket } from 'node:dgram'
import { networkInterfaces } from 'node:os'

type Way = readonly [type: 'udp4' | 'udp6', destination: string]

/** Asked one group after the other: the internet; then, as on a VPN that is the only way, what is private (Chromium's net/docs/proxy.md, "Resolving client's IP address"). */
const WAYS: readonly (readonly Way[])[] = [
  [
    ['udp4', '8.8.8.8'],
    ['udp6', '2001:4860:4860::8888'],
  ],
  [
    ['udp4', '10.0.0.0'],
    ['udp4', '172.16.0.0'],
    ['udp4', '192.168.0.0'],
    ['udp6', 'fc00::'],
  ],
]

/**
 * The addresses that this machine leaves from, as Chromium finds them: connecting a UDP socket sends nothing and makes the kernel choose. Where no way leads anywhere,
 * the interfaces' own addresses. IPv4 first; no loopback, no link-local addresses.
 */
export async function myAddresses(sourceOf = sourceFor): Promise<string[]> {
  for (const ways of WAYS) {
    const routed = await Promise.all(ways.map(([type, destination]) => sourceOf(type, destination)))
    const found = routed.filter((address) => address !== undefined).filter(isUsable)
    if (found.length > 0) return [...new Set(found)]
  }
  return interfacesInUse()
}

/** Where DNS would be; any port does. */
const PORT = 53

function sourceFor(type: 'udp4' | 'udp6', destination: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(type)
    const finish = (address: string | undefined) => {
      socket.removeAllListeners()
      socket.on('error', () => {})
      socket.close()
      resolve(address)
    }
    socket.once('error', () => finish(undefined))
    socket.once('connect', () => finish(socket.address().address))
    socket.connect(PORT, destination)
  })
}

/** As Chromium, those of interfaces that are in use: Node leaves out the others. */
function interfacesInUse(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all
    .filter(({ internal, address }) => !internal && isUsable(address))
    .sort((a, b) => (a.family === b.family ? 0 : a.family === 'IPv4' ? -1 : 1))
    .map(({ address }) => address)
}

function isUsable(address: string): boolean {
  return !/^(127\.|169\.254\.|0\.0\.0\.0$|::1$|::$|fe[89ab])/i.test(address)
}
