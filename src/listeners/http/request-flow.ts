import type http from 'node:http'
import type { GatewayError } from '../../contracts/gateway-error.ts'
import type { RelayCounts } from '../../contracts/relay.ts'
import type { ExchangeResult, RequestFlow, UpstreamRequest } from '../../contracts/request.ts'
import { cleanText } from '../../wire/clean-text.ts'
import { fieldValues } from '../../wire/http-fields.ts'
import { type HttpReply, httpReply } from '../../wire/http-reply.ts'
import { BadRequestStatus, type ForwardRequest, NotAProxyRequest } from '../../wire/http-request-head.ts'
import { clientOf } from '../client.ts'
import type { ClientConnection } from './client-connection.ts'
import { Exchange } from './exchange.ts'
import type { DoorParts } from './http-door.ts'
import { usagePage } from './own-page.ts'
import { watchForSwitch } from './upgrade.ts'
import { sendReply } from './write-reply.ts'

/** One plain-HTTP request as the middle sees it. */
export function requestFlow(
  connection: ClientConnection,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  forward: ForwardRequest,
  user: string | undefined,
  parts: DoorParts,
): RequestFlow {
  const { context, options, limits } = parts
  const id = context.nextId()
  if (forward.bindsConnection) connection.boundTo ??= `client ${id}`
  const fail = (error: GatewayError) => answerError(connection, request, response, error, parts, id)
  return {
    id,
    door: context.name,
    protocol: 'http',
    target: forward.target,
    scheme: 'http',
    scope: context.scope,
    client: clientOf(connection.socket, user),
    path: forward.path,
    request: {
      method: request.method ?? '',
      path: forward.path,
      rawHeaders: forward.fields,
      ...(forward.upgrade === undefined ? {} : { upgrade: forward.upgrade }),
      // By user too: who comes next on this connection must not go on as who was before.
      ...(connection.boundTo === undefined ? {} : { boundTo: `${connection.boundTo} ${user ?? ''}` }),
    },
    carry(upstream: UpstreamRequest, counts: RelayCounts): Promise<ExchangeResult> {
      return new Promise((resolve) => {
        const exchange = new Exchange(upstream, {
          ...{ connection, request, response, forward, limits, counts, fail },
          ...{ clock: options.clock, pseudonym: options.pseudonym },
          ...{ lastRequest: parts.draining, leftBehind: parts.leftBehind },
        })
        if (forward.upgrade !== undefined) {
          const { pseudonym, relay } = options
          const switching = { connection, forward, pseudonym, relay, counts }
          watchForSwitch(
            upstream,
            switching,
            (switched) => {
              exchange.abandon()
              response.detachSocket(connection.socket)
              resolve(switched)
            },
            (error) => exchange.refuse(error),
          )
        }
        void exchange.run().then(resolve)
      })
    },
    reject: (error) => void fail(error),
  }
}

/** Tells the client what failed and decides whether its connection can go on. Answers the status. */
export function answerError(
  connection: ClientConnection,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  error: GatewayError,
  parts: DoorParts,
  flowId?: string,
): number {
  const reply = replyFor(connection, request, error, flowId, parts.context.leadsTo)
  if (response.headersSent) {
    connection.reset()
    return reply.status
  }
  const keep = !parts.draining() && goesOn(request, error, parts)
  sendReply(response, reply, keep)
  if (keep && !request.complete) drainBody(connection, request, parts)
  return reply.status
}

function replyFor(
  connection: ClientConnection,
  request: http.IncomingMessage,
  error: GatewayError,
  flowId?: string,
  leadsTo?: 'containers',
): HttpReply {
  const reply = httpReply(error, {
    asked: askedFor(request),
    accept: fieldValues(request.rawHeaders, 'accept')[0],
    ...(flowId === undefined ? {} : { flowId }),
    ...(error instanceof BadRequestStatus ? { status: error.status } : {}),
  })
  if (!(error instanceof NotAProxyRequest)) return reply
  const { localAddress, localPort, localFamily } = connection.socket
  const host = localFamily === 'IPv6' ? `[${localAddress}]` : localAddress
  const body = usagePage(localAddress === undefined ? '127.0.0.1:3128' : `${host}:${localPort}`, leadsTo)
  const fields = ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', String(Buffer.byteLength(body))]
  return { ...reply, fields, body }
}

/** Without the query: it often holds tokens. */
function askedFor(request: http.IncomingMessage): string {
  return cleanText(`${request.method} ${(request.url ?? '').replace(/\?.*$/s, '?…')}`, 300)
}

/**
 * After a request that can't be trusted to end where it seems to, and after one whose body the client may or may not send (Expect), the
 * next bytes could be anything. Otherwise the connection is worth keeping, for as long as the rest of the body is small.
 */
function goesOn(request: http.IncomingMessage, error: GatewayError, { limits }: DoorParts): boolean {
  if (error.code === 'BAD_REQUEST' || error.code === 'INTERNAL') return false
  if (request.complete) return true
  if (fieldValues(request.rawHeaders, 'expect').length > 0) return false
  return Number(fieldValues(request.rawHeaders, 'content-length')[0] ?? 0) <= limits.drainBytes
}

/** Reads a body that nobody wants, within bounds of bytes and time. */
function drainBody(connection: ClientConnection, request: http.IncomingMessage, { limits, options }: DoorParts): void {
  let left = limits.drainBytes
  const cancel = options.clock.after(limits.drainMs, () => connection.socket.destroy())
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) connection.socket.destroy()
  })
  request.once('close', cancel)
  request.on('error', () => {})
  request.resume()
}
