import type { GatewayError } from '../contracts/gateway-error.ts'
import type { Packet, PacketConn } from '../contracts/packet.ts'
import type { RouteQuery } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import type { FlowRecord } from '../observe/flow-records.ts'
import {
  BOTH_WAYS_IDLE_MS,
  ONE_WAY_IDLE_MS,
  QUESTION_IDLE_MS,
  REFUSAL_MS,
  WAITING_BYTES,
  WAITING_PACKETS,
} from './packet-limits.ts'

/** What one client's socket says to one far side and hears from it. */
export class PacketFlow {
  readonly peer: Target
  readonly record: FlowRecord
  state: FlowState = { kind: 'deciding', waiting: [], bytes: 0 }
  /** Undefined until that is known. */
  decidedFor: RouteQuery | undefined
  packetsUp = 0
  packetsDown = 0
  #lastAt: number

  constructor(peer: Target, record: FlowRecord, now: number) {
    this.peer = peer
    this.record = record
    this.#lastAt = now
  }

  /** Keeps a datagram until it is decided where it goes; false when enough are waiting. */
  keep(data: Buffer): boolean {
    if (this.state.kind !== 'deciding') return false
    const { waiting, bytes } = this.state
    if (waiting.length >= WAITING_PACKETS || bytes + data.length > WAITING_BYTES) return false
    waiting.push(data)
    this.state.bytes += data.length
    return true
  }

  sent(data: Buffer, now: number): void {
    this.#lastAt = now
    this.packetsUp += 1
    this.record.counts.bytesUp += data.length
  }

  came(data: Buffer, now: number): void {
    this.#lastAt = now
    this.packetsDown += 1
    this.record.counts.bytesDown += data.length
  }

  /** Whether nothing has passed for long enough, or for `limitMs` milliseconds. */
  isOver(now: number, limitMs: number): boolean {
    switch (this.state.kind) {
      case 'deciding':
        return false
      case 'open':
        return now - this.#lastAt >= Math.min(limitMs, this.#idleMs())
      case 'refused':
        return now - this.state.since >= REFUSAL_MS
    }
  }

  #idleMs(): number {
    if (this.packetsDown === 0) return ONE_WAY_IDLE_MS
    return this.packetsUp > 1 ? BOTH_WAYS_IDLE_MS : QUESTION_IDLE_MS
  }

  /** The flow's line in the log; once. */
  end(ended: string, error?: GatewayError): void {
    const { bytesUp, bytesDown } = this.record.counts
    const { packetsUp, packetsDown } = this
    this.record.ended({ ended, bytesUp, bytesDown, packetsUp, packetsDown, ...(error && { error }) })
  }
}

type FlowState =
  /** Datagrams that wait for the decision and the way out. */
  | { readonly kind: 'deciding'; readonly waiting: Buffer[]; bytes: number }
  | { readonly kind: 'open'; readonly conn: PacketConn; readonly asks: Pick<Packet, 'query'> }
  | { readonly kind: 'refused'; readonly error: GatewayError; readonly since: number }
