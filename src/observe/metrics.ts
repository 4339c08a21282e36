import { Counter, Gauge, Registry } from 'prom-client'
import type { DropReason } from '../contracts/packet.ts'
import type { FinishedFlow } from './flow-records.ts'
import { Tally } from './tally.ts'

/** Counters in Prometheus' format. Labels have few values by construction: no target, client or user is ever one. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #flows = new Counter({
    name: 'fairlead_flows_total',
    help: 'Flows that have ended, by what was decided and how they ended.',
    labelNames: ['scope', 'decision', 'ended', 'error'],
    registers: [this.#registry],
  })
  readonly #bytes = new Counter({
    name: 'fairlead_bytes_total',
    help: 'Payload bytes of flows that have ended; up is from the client.',
    labelNames: ['scope', 'direction'],
    registers: [this.#registry],
  })
  readonly #flowTally = new Tally<'scope' | 'decision' | 'ended' | 'error'>()
  readonly #bytesUp = new Tally<'scope' | 'direction'>()
  readonly #bytesDown = new Tally<'scope' | 'direction'>()
  readonly #packets = new Counter({
    name: 'fairlead_packets_total',
    help: 'Datagrams of UDP flows that have ended; up is from the client.',
    labelNames: ['scope', 'direction'],
    registers: [this.#registry],
  })
  readonly #packetsDropped = new Counter({
    name: 'fairlead_packets_dropped_total',
    help: 'Datagrams of clients that went nowhere: refused by policy, waiting for too long, or beyond a limit, more than was read in time, answers that the system did not take, or answers from a port that another program has.',
    labelNames: ['reason'],
    registers: [this.#registry],
  })
  readonly #dns = new Counter({
    name: 'fairlead_dns_answers_total',
    help: 'DNS answers, by how they were sent and their rcode.',
    labelNames: ['transport', 'rcode'],
    registers: [this.#registry],
  })
  readonly #reloads = new Counter({
    name: 'fairlead_reloads_total',
    help: 'Settings reloads, by whether the new settings were taken.',
    labelNames: ['result'],
    registers: [this.#registry],
  })

  /** `logLinesLost`: since the start. */
  constructor(liveFlows: () => number, openConnections: () => number, logLinesLost: () => number = () => 0) {
    gauge(this.#registry, 'fairlead_live_flows', 'Flows alive now.', liveFlows)
    gauge(this.#registry, 'fairlead_client_connections', 'Client connections open now.', openConnections)
    new Counter({
      name: 'fairlead_log_lines_lost_total',
      help: 'Lines of the log that are missing in it, because they could not be written.',
      registers: [this.#registry],
      collect() {
        this.reset()
        this.inc(logLinesLost())
      },
    })
  }

  flowEnded(line: FinishedFlow): void {
    const { scope, ended } = line
    const decision = line.decision ?? 'none'
    const error = line.error?.code ?? ''
    this.#flowTally.add(`${scope} ${decision} ${ended} ${error}`, { scope, decision, ended, error }, 1)
    if (line.bytesUp > 0) this.#bytesUp.add(scope, { scope, direction: 'up' }, line.bytesUp)
    if (line.packetsUp) this.#packets.inc({ scope: line.scope, direction: 'up' }, line.packetsUp)
    if (line.packetsDown) this.#packets.inc({ scope: line.scope, direction: 'down' }, line.packetsDown)
    if (line.bytesDown > 0) this.#bytesDown.add(scope, { scope, direction: 'down' }, line.bytesDown)
  }

  packetDropped(reason: DropReason, count = 1): void {
    this.#packetsDropped.inc({ reason }, count)
  }

  dnsAnswered(transport: 'udp' | 'tcp', rcode: number): void {
    this.#dns.inc({ transport, rcode })
  }

  reloaded(taken: boolean): void {
    this.#reloads.inc({ result: taken ? 'taken' : 'refused' })
  }

  text(): Promise<string> {
    this.#flowTally.tell(this.#flows)
    this.#bytesUp.tell(this.#bytes)
    this.#bytesDown.tell(this.#bytes)
    return this.#registry.metrics()
  }
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read())
    },
  })
}
