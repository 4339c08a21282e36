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
import { formatListenAddress, type ListenAddress } from '../wire/listen-address.ts'
import { AwaitedDoors } from './awaited-doors.ts'
import { closeOwnFile, type FileOfServer, fileOf } from './close-own-file.ts'
import { drainingAt, openOrAwait } from './draining-gateway.ts'
import type { GatewayStatus } from './gateway-status.ts'
import { seldom } from './seldom.ts'

/** Milliseconds between two lines about connections that cannot be taken. */
const TROUBLE_LOG_MS = 10_000

interface StatusDoor {
  readonly server: Server
  /** As bound. */
  readonly address: ListenAddress
  readonly file: FileOfServer | undefined
}

/** Where `fairlead status` and scrapers of metrics look in. A reload does not move them. */
export class StatusDoors {
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #troubled: (cause: Error) => void
  readonly #open: StatusDoor[] = []
  /** At addresses that another gateway still has. */
  readonly #awaited: AwaitedDoors<StatusDoor>

  constructor(log: Log, metrics: Metrics, clock: Clock) {
    this.#log = log
    this.#metrics = metrics
    this.#troubled = seldom(clock, TROUBLE_LOG_MS, (cause, more) =>
      log.warn({ error: cause.message, alike: more }, 'status.listen: cannot take connections'),
    )
    this.#awaited = new AwaitedDoors({
      clock,
      opened: (where, door) => {
        this.#open.push(door)
        log.info(`status.listen: ${where} is free; \`fairlead status\` finds this gateway now`)
      },
      close,
      warn: (message) => log.warn(message),
    })
  }

  /** As bound. */
  get addresses(): ListenAddress[] {
    return this.#open.map(({ address }) => address)
  }

  /**
   * Rejects where an address that was asked for cannot be had. A gateway that drains and has it is waited for; so is whoever has one of our own choosing,
   * which is done without until then.
   */
  async open(settings: Settings, status: () => GatewayStatus): Promise<void> {
    const awaited = new Map<string, () => Promise<StatusDoor>>()
    const told = new Map<string, string>()
    for (const { address, auto } of settings.status.listen) {
      const where = formatListenAddress(address)
      const open = () => this.#listen(address, status)
      const who = async () => (await drainingAt([address])) ?? (auto ? 'another program' : undefined)
      try {
        const door = await openOrAwait(open, who, (has, message) => {
          awaited.set(where, open)
          told.set(where, message)
          this.#log.warn(
            `status.listen: ${has} has ${where}; \`fairlead status\` does not find this gateway until that has ended`,
          )
        })
        if (door) this.#open.push(door)
      } catch (thrown) {
        if (!auto) throw thrown
        const { message } = toGatewayError(thrown)
        this.#log.warn({ error: message }, 'no status socket; `fairlead status` will not find this gateway')
      }
    }
    this.#awaited.set(awaited, told)
  }

  /** Waits for no address any more: who takes over wants it, too. */
  drain(): void {
    this.#awaited.close()
  }

  close(): void {
    this.#awaited.close()
    for (const door of this.#open) close(door)
  }

  async #listen(wanted: ListenAddress, status: () => GatewayStatus): Promise<StatusDoor> {
    if (wanted.kind === 'unix') await makeFolder(dirname(wanted.path))
    const server = createAdminServer(status, this.#metrics)
    const address = await bind(server, wanted, 'status.listen')
    // Running out of descriptors shows here; the server goes on by itself when there are some again.
    server.on('error', this.#troubled)
    return { server, address, file: fileOf(address) }
  }
}

function close({ server, file }: StatusDoor): void {
  closeOwnFile(server, file)
  server.closeAllConnections()
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
