import http from 'node:http'
import type { Clock } from '../../contracts/clock.ts'
import type { Conn } from '../../contracts/conn.ts'
import type { CandidateWalk, Dialed } from '../../contracts/dialer.ts'
import { GatewayError } from '../../contracts/gateway-error.ts'
import type { OutgoingRequest, RequestDialer, UpstreamRequest } from '../../contracts/request.ts'
import type { Candidate, Hop, Route, RouteQuery } from '../../contracts/route.ts'
import { fieldValues } from '../../wire/http-fields.ts'
import { formatAuthority } from '../../wire/target.ts'
import { type ConnOptions, OriginAgent, UpstreamProxyAgent } from './agents.ts'
import { keepCutAnswersIncomplete } from './cut-answer.ts'
import { IdleConns, watchEvents } from './idle-conns.ts'
import { hearLastWords } from './last-words.ts'
import { passLateDrain } from './late-drain.ts'
import { OriginLine } from './origin-line.ts'
import { OriginRequest } from './origin-request.ts'
import { type Way, wayFor } from './way.ts'

export interface RequestDialerOptions {
  readonly walk: CandidateWalk
  readonly clock: Clock
  /** A connection to the query's target through all hops of the candidate. */
  dialTarget(candidate: Candidate, query: RouteQuery, signal: AbortSignal): Promise<Conn>
  /** A connection to the candidate's last hop itself, with TLS where that hop is `https`, through the hops before it. */
  dialLastHop(candidate: Candidate, query: RouteQuery, signal: AbortSignal): Promise<Conn>
  /** Grows when a target may be closed to a client that it was open to: connections to it of before are not used again. Default: that never happens. */
  verdicts?(): number
  readonly limits?: Partial<RequestDialerLimits>
}

export interface RequestDialerLimits {
  /** Milliseconds that an unused connection is kept. Below the 5 s to 75 s after which servers close theirs. */
  readonly idleMs: number
  /** Idle connections in all. */
  readonly maxIdle: number
  /** Idle connections that are interchangeable: a quarter of all, so that one busy target or proxy does not drive out the others. */
  readonly maxIdlePerWay: number
  /** Bytes of a response head. Twice Node's own limit, for some origins set many cookies. */
  readonly maxHeaderBytes: number
}

const DEFAULT_LIMITS: RequestDialerLimits = { idleMs: 4_000, maxIdle: 256, maxIdlePerWay: 64, maxHeaderBytes: 32_768 }

interface Attempt {
  readonly route: Route
  readonly candidate: Candidate
  readonly query: RouteQuery
  readonly request: OutgoingRequest
  readonly way: Way
}

/** Opens plain-HTTP requests over the candidates of a route, reusing connections that are interchangeable for them. */
export function createRequestDialer(options: RequestDialerOptions): RequestDialer {
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  /** Connections to proxies as they are, those to origins as lines; the key of a way tells which. */
  const idle = new IdleConns<Conn | OriginLine>(
    { clock: options.clock, idleMs: limits.idleMs, maxIdle: limits.maxIdle, maxIdlePerKey: limits.maxIdlePerWay },
    (conn, drop) => (conn instanceof OriginLine ? conn.watch(drop) : watchEvents(conn, drop)),
  )
  const originAgent = new OriginAgent()
  const proxyAgents = new WeakMap<Hop, UpstreamProxyAgent>()

  const agentFor = (proxy: Hop): UpstreamProxyAgent => {
    const known = proxyAgents.get(proxy)
    if (known) return known
    const agent = new UpstreamProxyAgent(proxy)
    proxyAgents.set(proxy, agent)
    return agent
  }

  const attemptAt = (route: Route, candidate: Candidate, query: RouteQuery, request: OutgoingRequest): Attempt => {
    const way = wayFor(route.generation, candidate, query, request, options.verdicts?.())
    return { route, candidate, query, request, way }
  }

  /** To an origin, over a connection that is idle. */
  const openIdleLine = (attempt: Attempt): UpstreamRequest | undefined => {
    if (attempt.request.upgrade !== undefined) return undefined
    const loan = idle.take(attempt.way.key)
    if (!loan) return undefined
    loan.release()
    const upstream = onLine(attempt, loan.conn as OriginLine)
    upstream.again = againAfter(attempt)
    return upstream
  }

  /** To a proxy, over a connection that is idle. */
  const openIdleConn = async (attempt: Attempt): Promise<UpstreamRequest | undefined> => {
    const loan = idle.take(attempt.way.key)
    if (!loan) return undefined
    const upstream = await send(attempt, loan.conn as Conn)
      .finally(loan.release)
      .catch(() => undefined)
    if (!upstream) return undefined
    upstream.reusedSocket = true
    return Object.assign(upstream, { again: againAfter(attempt) })
  }

  /** By the same way out, which the record has told already; with the limits of any dial. */
  const againAfter = (attempt: Attempt) => async (signal: AbortSignal) => {
    idle.dropKey(attempt.way.key)
    const route = { ...attempt.route, candidates: [attempt.candidate] }
    return (await options.walk.walk(route, signal, (_, attemptSignal) => openFresh(attempt, attemptSignal))).value
  }

  const openFresh = async (attempt: Attempt, signal: AbortSignal): Promise<UpstreamRequest> => {
    const { candidate, query, way, request } = attempt
    const conn = way.proxy
      ? await options.dialLastHop(candidate, query, signal)
      : await options.dialTarget(candidate, query, signal)
    if (request.upgrade === undefined) hearLastWords(conn)
    if (!way.proxy && request.upgrade === undefined) {
      if (conn.destroyed) throw closedTooSoon(attempt)
      return onLine(attempt, new OriginLine(conn))
    }
    // Node's client takes its error listener away a moment before the connection is free.
    conn.on('error', () => {})
    return send(attempt, conn)
  }

  const onLine = (attempt: Attempt, line: OriginLine): OriginRequest => {
    try {
      return new OriginRequest(line, attempt.request, limits.maxHeaderBytes, (fields) =>
        idle.keep(attempt.way.key, line, announcedKeepMs(fieldValues(fields, 'keep-alive')[0])),
      )
    } catch (thrown) {
      line.destroy()
      throw thrown
    }
  }

  /** Makes the request and gives it its connection. Nothing is written before the caller writes. */
  const send = async (attempt: Attempt, conn: Conn): Promise<http.ClientRequest> => {
    const { way } = attempt
    let keepMs = Number.POSITIVE_INFINITY
    const connOptions: ConnOptions = {
      conn,
      // Behind an Upgrade that was not taken up nobody knows what the origin thinks of the connection.
      freed: () => (way.proxy ? idle.keep(way.key, conn, keepMs) : conn.destroy()),
    }
    const upstream = begin(attempt, connOptions, limits.maxHeaderBytes)
    upstream.on('error', () => {}) // until the caller listens, and should it never do so
    keepCutAnswersIncomplete(upstream, conn)
    passLateDrain(upstream, conn)
    conn.setDefaultEncoding('latin1') // for a head that goes alone, of which Node does not say how it is to be written
    upstream.maxHeadersCount = 0 // no limit but maxHeaderBytes: Node would drop the fields beyond it in silence
    upstream.once('response', (response) => {
      keepMs = announcedKeepMs(fieldValues(response.rawHeaders, 'keep-alive')[0])
      // Not every Conn is a socket: Node ends those that are not, but closes none.
      response.once('close', () => {
        if (!upstream.shouldKeepAlive) conn.destroy()
      })
    })
    await hasSocket(upstream, conn, attempt)
    return Object.assign(upstream, way.proxy ? { proxy: way.proxy } : {})
  }

  const begin = (attempt: Attempt, connOptions: ConnOptions, maxHeaderSize: number): http.ClientRequest => {
    const { request, query, way } = attempt
    const common = { method: request.method, setHost: false, maxHeaderSize, servername: '' }
    if (!way.proxy) {
      const headers = request.rawHeaders as unknown as http.OutgoingHttpHeaders // Node takes the flat array too
      return http.request({
        ...common,
        ...connOptions,
        agent: originAgent,
        path: request.path,
        headers,
      } as http.RequestOptions)
    }
    const path = request.path === '*' ? '' : request.path
    const absoluteForm = `http://${authorityOf(query)}${path}`
    const absolute = { ...common, ...connOptions, absoluteForm, rawHeaders: request.rawHeaders, secureEndpoint: false }
    return http.request({ ...absolute, agent: agentFor(way.proxy) } as http.RequestOptions)
  }

  /** Where there is one way and a line waits for it: nothing can take time, so there is no time limit to set and no attempt to give up. */
  const openAtOnce = (
    route: Route,
    query: RouteQuery,
    request: OutgoingRequest,
    signal: AbortSignal,
  ): Dialed<UpstreamRequest> | undefined => {
    const [candidate, ...others] = route.candidates
    if (!candidate || others.length > 0 || route.decision === 'reject' || signal.aborted) return undefined
    const attempt = attemptAt(route, candidate, query, request)
    const value = attempt.way.proxy ? undefined : openIdleLine(attempt)
    return value && { value, candidate, failed: [] }
  }

  return {
    open: async (route, query, request, signal) =>
      openAtOnce(route, query, request, signal) ??
      options.walk.walk(route, signal, async (candidate, attemptSignal) => {
        const attempt = attemptAt(route, candidate, query, request)
        const reused = attempt.way.proxy ? await openIdleConn(attempt) : openIdleLine(attempt)
        return reused ?? (await openFresh(attempt, attemptSignal))
      }),
    dropIdle: () => idle.dropAll(),
    close: () => idle.close(),
  }
}

/** As the Host field has it: port 80 goes without saying. */
function authorityOf({ target }: RouteQuery): string {
  const authority = formatAuthority(target)
  return target.port === 80 ? authority.slice(0, -':80'.length) : authority
}

/** Resolves when Node's client listens to the connection. A connection that died before that would never say so again. */
function hasSocket(upstream: http.ClientRequest, conn: Conn, attempt: Attempt): Promise<void> {
  return new Promise((resolve, reject) => {
    upstream.once('error', reject)
    upstream.once('socket', () => {
      upstream.off('error', reject)
      if (conn.destroyed) {
        upstream.destroy()
        reject(closedTooSoon(attempt))
        return
      }
      conn.resume()
      resolve()
    })
  })
}

function closedTooSoon({ query, way }: Attempt): GatewayError {
  const { host, port } = way.proxy ?? query.target
  const hop = { kind: way.proxy?.kind ?? ('target' as const), host, port }
  return new GatewayError('CONNECT_RESET', 'the connection was closed before the request was sent', { hop })
}

/** Milliseconds that a server says it keeps the connection, less one second for our request to reach it. */
function announcedKeepMs(field = ''): number {
  const seconds = /(?:^|[\s,])timeout=(\d{1,6})/i.exec(field)?.[1]
  return seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds) * 1000 - 1000
}
