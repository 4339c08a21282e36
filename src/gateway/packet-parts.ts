import { randomInt } from 'node:crypto'
import type { Router } from '../contracts/route.ts'
import type { AllDialers } from '../dialers/create-dialers.ts'
import { createPacketDialer } from '../dialers/packet-dialer.ts'
import type { Access } from '../router/access.ts'
import { createUdpRouter } from '../router/udp.ts'
import type { ProxySettings, Settings } from '../settings/settings.ts'
import type { World } from './generation.ts'
import type { PacketParts } from './packet-session.ts'

export interface PacketPartsOptions {
  readonly settings: Settings
  readonly router: Router
  readonly access: Access
  readonly dialers: AllDialers
  readonly world: Pick<World, 'clock' | 'resolver'>
  readonly generation: number
}

/** What one version of the settings means for datagrams. */
export function createPacketParts(options: PacketPartsOptions): PacketParts {
  const { settings, router, access, dialers, world, generation } = options
  const hasPolicy = ({ mode }: ProxySettings) => mode !== 'none'
  return {
    router: createUdpRouter({
      scopes: {
        host: { rule: settings.udp.host, hasPolicy: hasPolicy(settings.proxy) },
        containers: {
          rule: settings.udp.containers,
          hasPolicy: hasPolicy(settings.containersProxy) || settings.containerRules.length > 0,
        },
      },
      quic: settings.udp.quic,
      router,
      access,
      generation,
    }),
    packets: createPacketDialer({
      resolver: world.resolver,
      judge: access.judgeAddress,
      clock: world.clock,
      handshakeMs: settings.timeouts.handshake,
      walk: dialers.walk,
      dialerFor: dialers.dialerFor,
      chance: () => randomInt(CHANCE_STEPS) / CHANCE_STEPS,
    }),
  }
}

/** As fine as a choice among 16,384 ports can use. */
const CHANCE_STEPS = 2 ** 32
