import type { PassedOverLine } from '../observe/flow-line.ts'
import type { FlowTotals, LiveFlow } from '../observe/flow-records.ts'
import type { PacStatus } from '../pac-engine/pac-status.ts'
import type { DnsStatus } from './dns.ts'
import type { EngineStatus } from './engine.ts'

/** What `fairlead status` shows. */
export interface GatewayStatus {
  readonly version: string
  readonly pid: number
  readonly uptimeMs: number
  readonly generation: number
  /** It takes no new clients, and ends with its last flow. */
  readonly draining: boolean
  readonly doors: readonly string[]
  /** Absent where it is off. */
  readonly dns?: DnsStatus
  /** Absent: none is followed. */
  readonly engine?: EngineStatus
  readonly clientConnections: number
  readonly liveFlows: number
  /** Tunnels that the thread in front of the doors has opened, since the start. */
  readonly frontTunnels: number
  /** Scripts in use: where from, by what way, which version, how old, and what is wrong with them. */
  readonly pac: readonly PacStatus[]
  /** Proxies that failed lately, and are tried last for a while. */
  readonly passedOver: readonly PassedOverLine[]
  /** Of flows that have ended. */
  readonly totals: FlowTotals
  /** The oldest live ones. */
  readonly flows: readonly LiveFlow[]
}
