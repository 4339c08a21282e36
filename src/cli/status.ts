import { askStatus } from '../gateway/ask-status.ts'
import type { GatewayStatus } from '../gateway/gateway-status.ts'
import { loadStatusAddresses } from '../settings/load.ts'
import { formatProblems } from '../settings/problem.ts'
import { EXIT } from './exit-code.ts'
import type { Io } from './io.ts'
import { type ConfigOption, loadOptions } from './load-settings.ts'

export interface StatusOptions extends ConfigOption {
  readonly json?: boolean
}

/** `fairlead status`: asks the running gateway over its status socket. */
export async function runStatus(options: StatusOptions, io: Io): Promise<number> {
  const { listen, problems } = await loadStatusAddresses(loadOptions(options, io))
  if (problems.length > 0) io.err(formatProblems(problems))
  const [first] = listen
  if (!first) {
    io.err('status.listen is off in the settings, so a running gateway cannot be asked\n')
    return EXIT.failed
  }
  const { address } = first
  try {
    const text = await askStatus(address)
    io.out(options.json ? text : render(JSON.parse(text) as GatewayStatus))
    return EXIT.done
  } catch (thrown) {
    const at = address.kind === 'unix' ? address.path : `${address.host}:${address.port}`
    io.err(`no gateway answers on ${at}: ${(thrown as Error).message}\nIs it running, and with the same settings?\n`)
    return problems.length > 0 ? EXIT.usage : EXIT.failed
  }
}

function render(status: GatewayStatus): string {
  const { totals } = status
  const flows = status.flows.map(
    ({ client, container, target, route, ageMs, bytesUp, bytesDown }) =>
      `  ${client}${container === undefined ? '' : ` (${container})`} → ${target}  ${route}  ${(ageMs / 1000).toFixed(1)} s  up ${bytesUp} B  down ${bytesDown} B`,
  )
  return [
    `Fairlead ${status.version}, pid ${status.pid}, up ${Math.round(status.uptimeMs / 1000)} s, settings generation ${status.generation}${status.draining ? '; it drains' : ''}`,
    ...status.doors.map((door) => `  ${door}`),
    ...renderEngine(status.engine),
    `${status.clientConnections} client connections, ${status.liveFlows} live flows`,
    ...status.pac.map(renderPac),
    ...status.passedOver.map(renderPassedOver),
    ...(status.dns ? [describeDns(status.dns)] : []),
    `${totals.flows} flows have ended, ${totals.rejected} of them rejected; up ${totals.bytesUp} B, down ${totals.bytesDown} B`,
    ...flows,
    '',
  ].join('\n')
}

function renderPac(status: GatewayStatus['pac'][number]): string {
  const { source, via, sha256, fetchedAt, contentType, failure, notKept, failedDecisions: failed = 0 } = status
  const last = status.lastFailedDecision === undefined ? '' : `, the last: ${status.lastFailedDecision}`
  const failures = failed === 0 ? undefined : `${failed} of its decisions failed${last}`
  const way = via === undefined ? '' : ` through ${via}`
  const age = fetchedAt === undefined ? '' : `, read ${Math.round((Date.now() - fetchedAt) / 1000)} s ago`
  const version =
    sha256 === undefined
      ? 'no version in use'
      : `version ${sha256.slice(0, 12)}${age}${contentType ? `, ${contentType}` : ''}`
  return [`PAC ${source}${way}: ${version}`, ...[failure, failures, notKept].flatMap((fault) => fault ?? [])].join(
    '\n  ',
  )
}

function renderPassedOver({ route, message, forMs }: GatewayStatus['passedOver'][number]): string {
  return `${route} is tried last for ${Math.ceil(forMs / 1000)} s more: ${message}`
}

function describeDns({ cached, waiting, reach }: NonNullable<GatewayStatus['dns']>): string {
  const families = reach && [...(reach.ipv4 ? ['IPv4'] : []), ...(reach.ipv6 ? ['IPv6'] : [])].join(' and ')
  return `DNS: ${cached} answers kept, ${waiting} questions waiting${reach ? `, the host reaches ${families || 'nothing'}` : ''}`
}

function renderEngine(engine: GatewayStatus['engine']): string[] {
  if (!engine) return []
  const { address, connected, version, reason, containers, networks } = engine
  const known = `${containers} containers in ${networks} networks`
  return [
    connected
      ? `  engine ${address} (${version}): ${known}`
      : `  engine ${address} is away (${reason}); last known: ${known}`,
  ]
}
