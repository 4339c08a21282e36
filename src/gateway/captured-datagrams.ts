import { toGatewayError } from '../contracts/gateway-error.ts'
import type { CapturePlan } from '../passthrough/rules/capture-plan.ts'
import { UdpDoor, type UdpDoorOptions } from '../passthrough/udp/udp-door.ts'
import type { Settings } from '../settings/settings.ts'
import { isQuicRefused } from './packet-parts.ts'

/**
 * The door for containers' datagrams as the settings want it, and the rules that lead them there. Open while capture is on: what goes to the host itself
 * (`host.docker.internal`) is taken in, also where `capture.udp` leaves other UDP alone or refuses it; not so where `udp.containers` denies all.
 */
export class CapturedDatagrams {
  readonly #options: UdpDoorOptions
  #door: UdpDoor | undefined
  #hasWarned = false
  #isTaken = false

  constructor(options: UdpDoorOptions) {
    this.#options = options
  }

  /** Opens what these settings need and is not there yet. Rejects with a `GatewayError` where this system cannot do it; only warns where it is for the host alone. */
  async open(settings: Settings): Promise<void> {
    this.#isTaken = isTaken(settings)
    if (!isWanted(settings)) return
    try {
      this.#door ??= await UdpDoor.open(this.#options)
    } catch (thrown) {
      if (this.#isTaken) throw thrown
      this.#options.warn(`${toGatewayError(thrown).message}; UDP to host.docker.internal is treated as any other`)
    }
    if (this.#hasWarned || !this.isMute) return
    this.#options.warn(MUTE)
    this.#hasWarned = true
  }

  /** Closes what these settings do not need. */
  async settle(settings: Settings | undefined): Promise<void> {
    this.#isTaken = settings !== undefined && isTaken(settings)
    if (!settings || !isWanted(settings)) await this.close()
  }

  /** Whether clients whose datagrams are refused are not told. */
  get isMute(): boolean {
    return this.#isTaken && this.#door?.tellsUnreachable === false
  }

  /** For the kernel; what is refused whatever its target is refused there already, and told to the client at once. */
  plan(settings: Settings): CapturePlan['udp'] {
    return planDatagrams(settings, this.#door?.ports ?? {})
  }

  /** The transparent sockets themselves. */
  get endpoints(): { address: string; port: number }[] {
    const { 4: four, 6: six } = this.#door?.ports ?? {}
    return [
      ...(four === undefined ? [] : [{ address: '127.0.0.1', port: four }]),
      ...(six === undefined ? [] : [{ address: '::1', port: six }]),
    ]
  }

  async close(): Promise<void> {
    const door = this.#door
    this.#door = undefined
    await door?.close()
  }
}

export function planDatagrams(settings: Settings, to: Readonly<Partial<Record<4 | 6, number>>>): CapturePlan['udp'] {
  const kind = planOf(settings)
  if (kind !== 'take') return isWanted(settings) ? { kind, to } : { kind }
  return { kind, to, refused: isQuicRefused(settings, 'containers') ? [QUIC] : [] }
}

const MUTE =
  'capture: the capability CAP_NET_RAW is missing: programs whose UDP the policy refuses flow by flow are not told ("port unreachable") and wait until they give up. Give it to the gateway (AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW, or --cap-add NET_RAW), or set udp.containers: deny, which the kernel answers by itself'

const QUIC = { from: 443, to: 443 }

/** Whether the door is to be open. */
function isWanted(settings: Settings): boolean {
  return settings.capture.enabled && !(planOf(settings) === 'deny' && settings.udp.containers.kind === 'deny')
}

function isTaken(settings: Settings): boolean {
  return settings.capture.enabled && planOf(settings) === 'take'
}

function planOf({ capture, udp }: Settings): CapturePlan['udp']['kind'] {
  return capture.udp === 'take' && udp.containers.kind === 'deny' ? 'deny' : capture.udp
}
