import { isIP, SocketAddress } from 'node:net'
import { resolve } from 'node:path'
import { toGatewayError } from '../contracts/gateway-error.ts'
import {
  asBrowserSees,
  createPacEvaluator,
  type Evaluation,
  type EvaluationRequest,
  type Notes,
  readPacFile,
  timeZoneWarning,
  zoneInUse,
} from '../gateway/pac.ts'
import { parsePacResult } from '../wire/pac-result.ts'
import { LineFault, runBatch } from './batch.ts'
import { EXIT } from './exit-code.ts'
import type { Io } from './io.ts'
import { renderFailedPacTrace, renderPacTrace } from './pac-trace.ts'

export interface PacEvalOptions {
  readonly batch?: string
  readonly file?: string
  readonly url?: string
  readonly host?: string
  readonly trace?: boolean
}

/** `fairlead pac eval`: what a script answers, for one URL or for a batch under made-up circumstances. */
export async function runPacEval(options: PacEvalOptions, io: Io): Promise<number> {
  const { batch, file, url, host, trace = false } = options
  const zoneWarning = timeZoneWarning(io.env.TZ, zoneInUse())
  if (zoneWarning !== undefined) io.err(`${zoneWarning}\n`)
  const evaluator = createPacEvaluator()
  try {
    if (batch !== undefined) {
      if (file !== undefined || url !== undefined) {
        io.err('--batch goes without --file and URL: each line has its own\n')
        return EXIT.usage
      }
      const files = new Map<string, Promise<string>>()
      return await runBatch(batch, io, async (line) => {
        const { result } = await evaluator.evaluate(await requestOf(line, io, files))
        return { result }
      })
    }
    if (file === undefined || url === undefined) {
      io.err('expected --file FILE URL [HOST], or --batch FILE\n')
      return EXIT.usage
    }
    const query = asBrowserSees(url, host)
    if (!query) {
      io.err(`${JSON.stringify(url)} is no URL: expected one such as https://www.example.com/\n`)
      return EXIT.usage
    }
    const script = await readPacFile(resolve(io.cwd, file))
    const request: EvaluationRequest = { script, origin: file, ...query, trace }
    const tellAlerts = (load: Notes, notes: Notes) => {
      for (const alert of [...load.alerts, ...notes.alerts]) io.err(`alert: ${alert}\n`)
      const more = load.dropped + notes.dropped
      if (more > 0) io.err(`${more} more alerts are not shown\n`)
    }
    const failed = (load: Notes, notes: Notes) => {
      if (trace) io.out(renderFailedPacTrace(request, load, notes))
      else tellAlerts(load, notes)
    }
    const evaluation = await evaluator.evaluate({ ...request, failed })
    io.out(trace ? renderPacTrace(request, evaluation) : `${evaluation.result}\n`)
    if (!trace) tellAlerts(evaluation.loadNotes, evaluation.notes)
    return EXIT.done
  } catch (thrown) {
    const { message, hint } = toGatewayError(thrown)
    io.err(`${message}${hint ? `\n${hint}` : ''}\n`)
    return EXIT.failed
  } finally {
    await evaluator.close()
  }
}

/** `fairlead pac parse --batch`: how an answer is understood. */
export function runPacParse(options: { readonly batch: string }, io: Io): Promise<number> {
  return runBatch(options.batch, io, ({ result }) => {
    if (typeof result !== 'string') throw new LineFault('BAD_LINE', '"result" must be a text')
    const { candidates, skipped } = parsePacResult(result)
    const shown = candidates.map(({ hops }) => ({ hops: hops.map(({ kind, host, port }) => ({ kind, host, port })) }))
    return skipped.length > 0 ? { candidates: shown, skipped } : { candidates: shown }
  })
}

export type { Evaluation }

async function requestOf(
  line: Record<string, unknown>,
  io: Io,
  files: Map<string, Promise<string>>,
): Promise<EvaluationRequest> {
  const { script, file, url, host, dns, myIp, now } = line
  if (typeof url !== 'string') throw new LineFault('BAD_LINE', '"url" must be a text')
  if (host !== undefined && typeof host !== 'string') throw new LineFault('BAD_LINE', '"host" must be a text')
  const query = asBrowserSees(url, host)
  if (!query) throw new LineFault('BAD_LINE', `"url" is no URL with a host: ${JSON.stringify(url.slice(0, 100))}`)
  return {
    ...(await scriptOf(script, file, io, files)),
    ...query,
    ...(dns === undefined ? {} : { dns: dnsOf(dns) }),
    ...(myIp === undefined ? {} : { myIp: addressesOf('"myIp"', myIp) }),
    ...(now === undefined ? {} : { now: timeOf(now) }),
  }
}

async function scriptOf(
  script: unknown,
  file: unknown,
  io: Io,
  files: Map<string, Promise<string>>,
): Promise<Pick<EvaluationRequest, 'script' | 'origin'>> {
  if (typeof script === 'string' && file === undefined) return { script, origin: 'script' }
  if (typeof file !== 'string' || script !== undefined) {
    throw new LineFault('BAD_LINE', 'expected either "script" or "file", a text')
  }
  let text = files.get(file)
  if (!text) {
    text = readPacFile(resolve(io.cwd, file))
    files.set(file, text)
  }
  try {
    return { script: await text, origin: file }
  } catch (thrown) {
    throw new LineFault('PAC_FAILED', toGatewayError(thrown).message)
  }
}

function dnsOf(value: unknown): ReadonlyMap<string, readonly string[]> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LineFault('BAD_LINE', '"dns" must be an object: {"name": ["192.0.2.1"]}')
  }
  return new Map(Object.entries(value).map(([name, addresses]) => [name, addressesOf(`"dns" of ${name}`, addresses)]))
}

function addressesOf(what: string, value: unknown): readonly string[] {
  const list = typeof value === 'string' ? [value] : value
  if (!Array.isArray(list)) throw new LineFault('BAD_LINE', `${what} must be a list of addresses`)
  return list.map((address: unknown) => {
    if (typeof address !== 'string' || isIP(address) === 0) {
      throw new LineFault('BAD_LINE', `${what}: ${JSON.stringify(address)} is no IP address`)
    }
    return asResolved(address)
  })
}

/** As a resolver spells it; one with a zone as it stands, for Node drops the zone. */
function asResolved(address: string): string {
  if (isIP(address) === 4 || address.includes('%')) return address
  return new SocketAddress({ address, family: 'ipv6' }).address
}

/** The clock that QuickJS reads counts nanoseconds since 1970 in 64 bits (WASI preview 1, `timestamp`); here in milliseconds. */
const LATEST_TIME = 2 ** 64 / 1e6 - 1

function timeOf(value: unknown): number {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  if (Number.isNaN(time)) throw new LineFault('BAD_LINE', '"now" must be an ISO time such as 2026-03-01T08:30:00Z')
  if (time < 0 || time > LATEST_TIME) throw new LineFault('BAD_LINE', '"now" must lie between 1970 and 2554')
  return time
}
