import type http from 'node:http'
import { GatewayError, toGatewayError } from '../../contracts/gateway-error.ts'
import { NotAProxyRequest, readProxyRequest } from '../../wire/http-request-head.ts'
import { clientOf } from '../client.ts'
import { authenticate } from './authenticate.ts'
import type { ClientConnection } from './client-connection.ts'
import { headOf } from './head-of.ts'
import type { DoorParts } from './http-door.ts'
import { answerOwn } from './own-page.ts'
import { answerError, requestFlow } from './request-flow.ts'

/** Reads one request, at its turn, and hands it on. Resolves when its response has been sent or given up. */
export async function serveRequest(
  connection: ClientConnection,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  parts: DoorParts,
): Promise<void> {
  const { context, options } = parts
  const closed = responseClosed(response, connection.signal)
  connection.current = response
  try {
    const asked = readProxyRequest(headOf(request), options.pseudonym)
    if (asked.kind === 'connect') throw new GatewayError('INTERNAL', 'CONNECT was read as an ordinary request')
    const user = authenticate(request.rawHeaders, context.auth, options.parseBasicCredentials)
    if (asked.kind === 'own') answerOwn(request, response)
    else await context.handleRequest(requestFlow(connection, request, response, asked, user, parts), connection.signal)
  } catch (thrown) {
    const error = toGatewayError(thrown)
    if (!(error instanceof NotAProxyRequest)) context.refused?.(clientOf(connection.socket), error)
    answerError(connection, request, response, error, parts)
  }
  if (!connection.released) await closed // after a switch of protocols its response is nobody's
  connection.current = undefined
}

/** Node never closes a pipelined response whose turn had not come when the client left, hence the signal. */
function responseClosed(response: http.ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      signal.removeEventListener('abort', done)
      resolve()
    }
    response.once('close', done)
    response.once('finish', done)
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
  })
}
