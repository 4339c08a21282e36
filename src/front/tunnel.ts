/** The relay's tunnel as the front sees it: two descriptors of ours between which it moves bytes until it says that it has ended. */
export interface Tunnel {
  readonly ended: boolean
  /** What epoll has said of a descriptor. */
  happened(side: Side, events: number): void
  /** One turn in each direction. True if there is more to do at once. */
  move(): boolean
  /** Nothing is under way and nothing has ended: it may be dropped, and another be started when something happens. */
  readonly resting: boolean
  end(how: 'released'): void
}

export type Side = 'client' | 'upstream'
export type TunnelEnd = 'finished' | 'client-reset' | 'upstream-reset' | 'released'

/** A descriptor, and bytes that had been read from it before and must come first. */
export interface TunnelSide {
  readonly fd: number
  readonly early: Uint8Array | undefined
}

export interface TunnelOwner {
  /** A side broke after its FIN; the other may finish within `ms`. May be said twice; the first time counts. */
  lingers(side: Side, ms: number): void
  /** The client broke off; what it said before is still being delivered, as long as something moves within `ms`. Once. */
  abandoned(ms: number): void
  /** Once. The descriptors are the owner's to close; that of the side `told`, which has been sent all and FIN, in order: what is still on its way to it shall arrive. */
  tunnelEnded(how: TunnelEnd, told: Side | undefined): void
}

/**
 * `row`: of the shared table, where it counts. Both descriptors are watched already, edge-triggered, by the caller. `startedAt`: when the tunnel came
 * to stand, in milliseconds of the thread's clock.
 */
export type StartTunnel = (
  row: number,
  client: TunnelSide,
  upstream: TunnelSide,
  owner: TunnelOwner,
  startedAt: number,
) => Tunnel
