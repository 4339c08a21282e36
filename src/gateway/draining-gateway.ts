import { toGatewayError } from '../contracts/gateway-error.ts'
import { leftBehind } from '../passthrough/rules/left-behind.ts'
import { kernelFamilies } from '../passthrough/transparent-socket.ts'
import type { Settings } from '../settings/settings.ts'
import type { ListenAddress } from '../wire/listen-address.ts'
import { askStatus } from './ask-status.ts'
import type { GatewayStatus } from './gateway-status.ts'
import { hostAddresses } from './host-addresses.ts'

/** In words, the gateway that drains and answers at one of these addresses; undefined: none does. Never rejects. */
export async function drainingAt(addresses: readonly ListenAddress[]): Promise<string | undefined> {
  for (const address of addresses) {
    const status = await askStatus(address)
      .then((text) => JSON.parse(text) as Partial<GatewayStatus> | null)
      .catch(() => undefined)
    if (status?.draining === true) return `a gateway that drains (pid ${status.pid})`
  }
  return undefined
}

/** One that drains beside a gateway with these settings: its status says so, or, where they capture, what the rules lead to that it has left standing. */
export async function drainingBeside({ status, capture }: Settings): Promise<string | undefined> {
  const told = await drainingAt(status.listen.map(({ address }) => address))
  if (told !== undefined || !capture.enabled || process.platform !== 'linux') return told
  const { whose } = await leftBehind({ families: kernelFamilies(), ownAddresses: hostAddresses })
  return whose === 'ending' ? 'a gateway that still ends' : undefined
}

/**
 * Opens a door. Where its address is taken and `draining` tells by whom, that one's end is worth waiting for: `waits` is called with it, and nothing is
 * answered. Rejects otherwise.
 */
export async function openOrAwait<Door>(
  open: () => Promise<Door>,
  draining: () => Promise<string | undefined>,
  waits: (who: string, message: string) => void,
): Promise<Door | undefined> {
  try {
    return await open()
  } catch (thrown) {
    if (!isTaken(thrown)) throw thrown
    const who = await draining()
    // It may have ended as it was asked for.
    if (who === undefined) return open()
    waits(who, toGatewayError(thrown).message)
    return undefined
  }
}

export function isTaken(thrown: unknown): boolean {
  const cause = thrown instanceof Error ? (thrown.cause as NodeJS.ErrnoException | undefined) : undefined
  return cause?.code === 'EADDRINUSE'
}
