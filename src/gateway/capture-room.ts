import { isFairShare } from '../contracts/fair-share.ts'
import type { ClientCounts } from '../front/client-counts.ts'
import type { CaptureRoom } from '../passthrough/capture-door.ts'

export interface CaptureRoomParts {
  /** Captured connections by client, also those that the thread in front has. */
  readonly clients: Pick<ClientCounts, 'add' | 'remove' | 'of'>
  /** All of them. */
  connections(): number
  maxConnections(): number
}

/** How many captured connections there may be: of all clients together, and of each a fair share. */
export function captureRoom({ clients, connections, maxConnections }: CaptureRoomParts): CaptureRoom {
  return {
    add: (client) => clients.add(client),
    remove: (client) => clients.remove(client),
    judge(client, more) {
      const all = connections() + more.ofAll
      const limit = maxConnections()
      if (all > limit) return 'no-room'
      return isFairShare(clients.of(client) + more.ofClient, all, limit) ? 'room' : 'no-share'
    },
  }
}
