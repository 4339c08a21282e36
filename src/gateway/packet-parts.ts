import { randomInt } from 'node:crypto'
import type { Router } from '../contracts/route.ts'
import type { Scope } from '../contracts/target.ts'
import type { AllDialers } from '../dialers/create-dialers.ts'
import { createPacketDialer } from '../dialers/packet-dialer.ts'
import type { Access } from '../router/access.ts'
import type { ContainerRules } from '../router/container-rules.ts'
import type { SpecialAddresses } from '../router/special-addresses.ts'
import { createUdpRouter } from '../router/udp.ts'
import type { Settings } from '../settings/settings.ts'
import type { World } from './generation.ts'
import type { PacketParts } from './packet-session.ts'

export interface PacketPartsOptions {
  readonly settings: Settings
  readonly router: Router
  readonly access: Access
  readonly containerRules: ContainerRules
  readonly dialers: AllDialers
  readonly world: Pick<World, 'clock' | 'resolver' | 'networkWatch'>
  readonly generation: number
  /** As for streams: where the host's own names lead. */
  readonly special: SpecialAddresses
}

/** What one version of the settings means for datagrams. */
export function createPacketParts(options: PacketPartsOptions): PacketParts {
  const { settings, router, access, containerRules, dialers, world, generation, special } = options
  return {
    router: createUdpRouter({
      scopes: {
        host: { rule: settings.udp.host, refusesQuic: isQuicRefused(settings, 'host') },
        containers: { rule: settings.udp.containers, refusesQuic: isQuicRefused(settings, 'containers') },
      },
      router,
      access,
      special,
      containerRules,
      generation,
    }),
    packets: createPacketDialer({
      resolver: world.resolver,
      judge: access.judgeAddress,
      leadsTo: special.dialled,
      clock: world.clock,
      handshakeMs: settings.timeouts.handshake,
      walk: dialers.walk,
      dialerFor: dialers.dialerFor,
      networkWatch: world.networkWatch,
      chance: () => randomInt(CHANCE_STEPS) / CHANCE_STEPS,
    }),
  }
}

/** By setting, or because the scope has a policy, which sees names in TCP only. */
export function isQuicRefused({ udp, proxy, containersProxy, containerRules }: Settings, scope: Scope): boolean {
  if (udp.quic !== 'auto') return udp.quic === 'refuse'
  if (scope === 'host') return proxy.mode !== 'none'
  return containersProxy.mode !== 'none' || containerRules.length > 0
}

/** As fine as a choice among 16,384 ports can use. */
const CHANCE_STEPS = 2 ** 32
