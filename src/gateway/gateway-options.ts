import type { Clock } from '../contracts/clock.ts'
import type { NetworkWatch } from '../contracts/network-watch.ts'
import type { Resolver } from '../contracts/resolver.ts'
import type { Log } from '../observe/log.ts'
import type { Settings } from '../settings/settings.ts'
import type { Room } from './descriptor-limit.ts'
import type { ReverseOptions } from './reverse.ts'

export interface GatewayOptions {
  readonly settings: Settings
  readonly log: Log
  /** How many lines the log has lost, for the metrics; default: none. */
  readonly logLinesLost?: () => number
  readonly env: Readonly<Record<string, string | undefined>>
  /** For tests and the demo; default: the host's own. */
  readonly resolver?: Resolver
  readonly clock?: Clock
  /** For tests; default: the machine's own network. Closed with the gateway. */
  readonly networkWatch?: NetworkWatch
  /** For tests, whose containers have loopback addresses. */
  readonly reverse?: Pick<ReverseOptions, 'isNever' | 'ownAddresses'>
  /** What the system has room for, whatever the settings allow; of connections, at each door. */
  readonly room?: Room
  /**
   * Put threads in front of the doors where it can be (Linux, the fast path on); `at-once`: and open none without. Default: false, but
   * `at-once` where FAIRLEAD_FAST_RELAY says so.
   */
  readonly front?: boolean | 'at-once'
  /** How many threads; default: as the cores allow. */
  readonly frontThreads?: number
  /** For tests of what the threads do on a busy machine; default PATIENCE_MS. */
  readonly frontPatienceMs?: number
}
