import { systemClock } from '../contracts/clock.ts'
import { GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import { descriptorLimit, descriptorShortage, type Room, roomWithin } from '../gateway/descriptor-limit.ts'
import { exitNow } from '../gateway/exit-now.ts'
import { type Gateway, startGateway } from '../gateway/gateway.ts'
import { VERSION } from '../gateway/version.ts'
import { createLog, type Log } from '../observe/log.ts'
import { LogOutput } from '../observe/log-output.ts'
import type { Loaded } from '../settings/load.ts'
import { formatProblems, SettingsError } from '../settings/problem.ts'
import { type Change, watchSettings } from '../settings/watch.ts'
import { EXIT } from './exit-code.ts'
import type { Io } from './io.ts'
import { type ConfigOption, loadOptions, loadOrReport } from './load-settings.ts'
import { Signals } from './signals.ts'

/** `fairlead start`: runs the gateway in the foreground until SIGTERM or SIGINT. */
export async function runStart(options: ConfigOption, io: Io): Promise<number> {
  const signals = new Signals()
  const loaded = await loadOrReport(options, io)
  if (!loaded) return EXIT.usage
  const output = new LogOutput()
  const log = createLog(loaded.settings.log, output)
  for (const warning of loaded.warnings) log.warn({ problem: warning }, formatProblems([warning]).trimEnd())
  const descriptors = await descriptorLimit()
  const room = roomWithin(descriptors, loaded.settings.limits.connections)
  const tellShortage = shortageTeller(descriptors, room, log)
  tellShortage(loaded)

  // A fault of ours ends the process, as it should; but not without a word in the log that people read.
  process.on('uncaughtExceptionMonitor', (err) => log.fatal({ err }, 'fault in Fairlead'))

  let gateway: Gateway
  try {
    gateway = await startGateway({
      settings: loaded.settings,
      log,
      logLinesLost: () => output.linesLost,
      env: io.env,
      room,
      front: true,
    })
  } catch (thrown) {
    // What we have words for is the machine's fault or the settings'; only of the rest do people need the stack.
    if (thrown instanceof GatewayError) {
      log.fatal({ error: { message: thrown.message, hint: thrown.hint } }, 'could not start')
    } else {
      log.fatal({ err: thrown }, 'could not start: a fault in Fairlead')
    }
    return EXIT.failed
  }
  log.info(
    { version: VERSION, settings: loaded.file ?? 'defaults', listen: gateway.doors, status: gateway.adminAddresses },
    'ready',
  )
  if (loaded.file === undefined) io.out(banner(gateway))
  return serve(gateway, signals, options, loaded, tellShortage, log, io)
}

/** `room`: what is served until the next start. */
function shortageTeller(descriptors: number | undefined, room: Room, log: Log) {
  let told: string | undefined
  return ({ settings }: Loaded): void => {
    const shortage = descriptorShortage(descriptors, settings.limits.connections, undefined, room)
    if (shortage && shortage !== told) log.warn(shortage)
    told = shortage
  }
}

/** Follows the settings file and the signals; answers the exit code when the gateway has ended. */
function serve(
  gateway: Gateway,
  signals: Signals,
  options: ConfigOption,
  loaded: Loaded,
  tellShortage: ReturnType<typeof shortageTeller>,
  log: Log,
  io: Io,
): Promise<number> {
  const watch = watchSettings({
    load: loadOptions(options, io),
    clock: systemClock,
    current: loaded,
    onChange: (change) => void follow(gateway, change, tellShortage, log),
  })
  return new Promise((resolve) => {
    const drain = async (signal: string) => {
      watch.close()
      const limitMs = gateway.settings.timeouts.drain
      log.info({ signal, limitMs, liveFlows: gateway.status().liveFlows }, 'draining')
      const cut = await gateway.drain(limitMs)
      log.info({ cut }, 'stopped')
      resolve(EXIT.done)
    }
    const endAtOnce = async (signal: string) => {
      const cut = gateway.status().liveFlows
      await gateway.close()
      log.info({ signal, cut }, 'stopped')
      exitNow(EXIT.failed)
    }
    let asked = 0
    const end = (signal: string) => {
      asked += 1
      if (asked === 1) void drain(signal)
      else if (asked === 2) void endAtOnce(signal)
      // Not even that comes to its end.
      else exitNow(EXIT.failed)
    }
    // Once the watch is closed a reload does nothing.
    signals.handle((signal) => (signal === 'SIGHUP' ? void watch.reload() : end(signal)))
    if (io.env['npm_lifecycle_event'] !== undefined) whenParentGone(() => end('SIGTERM'))
  })
}

/** Milliseconds between two looks at the parent. */
const PARENT_LOOK_MS = 1_000

/** Under `npm start` a shell stands between npm and us, which dies of a SIGTERM without passing it on; without this the gateway would live on alone. */
function whenParentGone(end: () => void): void {
  const parent = process.ppid
  const look = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(look)
    end()
  }, PARENT_LOOK_MS)
  look.unref()
}

async function follow(
  gateway: Gateway,
  change: Change,
  tellShortage: ReturnType<typeof shortageTeller>,
  log: Log,
): Promise<void> {
  try {
    if (!change.loaded) throw change.error
    await gateway.reload(change.loaded.settings)
    tellShortage(change.loaded)
    const { generation, doors } = gateway.status()
    log.info({ generation, listen: doors }, 'settings reloaded')
  } catch (thrown) {
    // Whoever ends the gateway knows.
    if (thrown instanceof GatewayError && thrown.code === 'SHUTTING_DOWN') {
      log.info('settings not reloaded: the gateway is shutting down')
      return
    }
    const problems = thrown instanceof SettingsError ? formatProblems(thrown.problems) : toGatewayError(thrown).message
    log.error({ problems }, 'settings not reloaded; the running ones stay in force')
  }
}

function banner(gateway: Gateway): string {
  const address = gateway.addresses.find((door) => door.kind === 'tcp')
  const door = address?.kind === 'tcp' ? `${address.host}:${address.port}` : ''
  return `
  Fairlead ${VERSION} is serving on ${door} (HTTP proxy, SOCKS5, SOCKS4), and goes out directly.

    curl -x http://${door} https://example.com/
    curl --socks5-hostname ${door} https://example.com/
    export HTTPS_PROXY=http://${door} HTTP_PROXY=http://${door}

  Settings: put a fairlead.yaml here, or use --config FILE; docs/settings.md has every key.
  In another terminal: fairlead status, fairlead explain URL, fairlead demo. Ctrl-C ends.

`
}
