import { mkdir } from 'node:fs/promises'
import type { Server } from 'node:http'
import { dirname } from 'node:path'
import type { Clock } from '../contracts/clock.ts'
import { GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import { bind } from '../listeners/bind.ts'
import { createAdminServer } from '../observe/admin-server.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Settings } from '../settings/settings.ts'
import type { ListenAddress } from '../wire/listen-address.ts'
import type { GatewayStatus } from './gateway-status.ts'
import { seldom } from './seldom.ts'

/** Milliseconds between two lines about connections that cannot be taken. */
const TROUBLE_LOG_MS = 10_000

/** Where `fairlead status` and scrapers of metrics look in. Opened once; a reload does not move them. */
export class StatusDoors {
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #troubled: (cause: Error) => void
  readonly #open: { readonly server: Server; readonly address: ListenAddress }[] = []

  constructor(log: Log, metrics: Metrics, clock: Clock) {
    this.#log = log
    this.#metrics = metrics
    this.#troubled = seldom(clock, TROUBLE_LOG_MS, (cause, more) =>
      log.warn({ error: cause.message, alike: more }, 'status.listen: cannot take connections'),
    )
  }

  /** As bound. */
  get addresses(): ListenAddress[] {
    return this.#open.map(({ address }) => address)
  }

  /** Rejects where an address that was asked for cannot be had; one of our own choosing is done without. */
  async open(settings: Settings, status: () => GatewayStatus): Promise<void> {
    for (const { address, auto } of settings.status.listen) {
      const server = createAdminServer(status, this.#metrics)
      try {
        if (address.kind === 'unix') await makeFolder(dirname(address.path))
        this.#open.push({ server, address: await bind(server, address) })
        // Running out of descriptors shows here; the server goes on by itself when there are some again.
        server.on('error', this.#troubled)
      } catch (thrown) {
        const error = toGatewayError(thrown)
        if (!auto) throw thrown
        this.#log.warn({ error: error.message }, 'no status socket; `fairlead status` will not find this gateway')
      }
    }
  }

  close(): void {
    for (const { server } of this.#open) {
      server.close()
      server.closeAllConnections()
    }
  }
}

/** Only the gateway's own user may look in: what stands in the status tells who goes where. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    throw new GatewayError('INTERNAL', `cannot make the folder ${path}: ${cause.code}`, {
      cause,
      hint: 'Choose another address under `status.listen`, or `off`.',
    })
  })
}
