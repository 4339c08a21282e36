import type { AnsweredNames } from '../contracts/answered-names.ts'
import type { Clock } from '../contracts/clock.ts'
import type { ContainerDirectory } from '../contracts/containers.ts'
import type { DoorContext } from '../contracts/door.ts'
import type { HandlePackets } from '../contracts/packet.ts'
import type { Resolver } from '../contracts/resolver.ts'
import type { ClientCounts } from '../front/client-counts.ts'
import type { CaptureDoorOptions } from '../passthrough/capture-door.ts'
import type { CaptureFrontParts } from './capture-front.ts'
import type { CapturedDnsParts } from './captured-dns.ts'
import type { CapturedNetworksParts } from './captured-networks.ts'

/** What the capture is given of the gateway. */
export interface CaptureParts
  extends Pick<CaptureFrontParts, 'front' | 'identified'>,
    Pick<CapturedNetworksParts, 'awaitsEngine' | 'lacksEngine'> {
  readonly clock: Clock
  readonly resolver: Resolver
  readonly names: AnsweredNames
  readonly directory: ContainerDirectory | undefined
  /** See `Answerer.answer`: for what containers ask of any DNS server. */
  answerDns: CapturedDnsParts['answer']
  /** Takes a container's connection to the gateway itself; undefined for every other address and port. */
  ownDoor: CaptureDoorOptions['ownDoor']
  ownerOf: CaptureDoorOptions['ownerOf']
  readonly handlePackets: HandlePackets
  readonly owners: CapturedDnsParts['owners']
  readonly dropped: CapturedDnsParts['dropped']
  readonly replySockets: CapturedDnsParts['replySockets']
  readonly clients: ClientCounts
  maxConnections(): number
  nextId: DoorContext['nextId']
  handleFlow: DoorContext['handleFlow']
  handleRequest: DoorContext['handleRequest']
  inform(message: string): void
  warn(message: string): void
}
