import type http from 'node:http'
import type { Conn } from '../../contracts/conn.ts'
import type { Flow } from '../../contracts/flow.ts'
import { GatewayError, toGatewayError } from '../../contracts/gateway-error.ts'
import type { Target } from '../../contracts/target.ts'
import { cleanText } from '../../wire/clean-text.ts'
import { fieldValues } from '../../wire/http-fields.ts'
import { httpReply } from '../../wire/http-reply.ts'
import { ESTABLISHED, readProxyRequest } from '../../wire/http-request-head.ts'
import { clientOf } from '../client.ts'
import { farewell } from '../farewell.ts'
import { authenticate } from './authenticate.ts'
import type { ClientConnection } from './client-connection.ts'
import { headOf } from './head-of.ts'
import type { DoorParts } from './http-door.ts'
import { replyBytes } from './write-reply.ts'

/** Turns a CONNECT into a `Flow`. The socket is paused, off the parser, with what the client sent after the head put back. */
export function connectFlow(
  connection: ClientConnection,
  request: http.IncomingMessage,
  parts: DoorParts,
  nextRequest: () => void,
): void {
  const { context, options } = parts
  const { socket } = connection
  const asked = cleanText(`CONNECT ${request.url ?? ''}`, 300)
  const accept = fieldValues(request.rawHeaders, 'accept')[0]
  let target: Target
  let user: string | undefined
  try {
    const wish = readProxyRequest(headOf(request), options.pseudonym)
    if (wish.kind !== 'connect') throw new GatewayError('INTERNAL', 'a CONNECT was read as something else')
    user = authenticate(request.rawHeaders, context.auth, options.parseBasicCredentials)
    target = wish.target
  } catch (thrown) {
    const error = toGatewayError(thrown)
    context.refused?.(clientOf(socket), error)
    const reply = httpReply(error, { asked, accept })
    // A client may answer a 407 on the same connection, and some know no other way. What came with the CONNECT was for the tunnel: no request. Of what
    // comes later nobody can tell.
    const mayGoOn =
      request.httpVersionMinor > 0 && !parts.draining() && socket.readableLength === 0 && !socket.readableEnded
    const keep = error.code === 'AUTH_REQUIRED' && mayGoOn
    if (keep) {
      socket.write(replyBytes(reply, true))
      nextRequest()
    } else {
      farewell(socket, replyBytes(reply, false), options.clock)
    }
    return
  }

  const id = context.nextId()
  const flow: Flow = {
    id,
    door: context.name,
    protocol: 'http-connect',
    target,
    scheme: target.port === 80 ? 'http' : 'https',
    scope: context.scope,
    client: clientOf(socket, user),
    async accept(): Promise<Conn> {
      if (socket.destroyed) throw new GatewayError('CLIENT_GONE', 'the client left before its tunnel stood')
      connection.release().write(ESTABLISHED)
      return socket
    },
    reject(error) {
      if (!socket.destroyed)
        farewell(socket, replyBytes(httpReply(error, { asked, accept, flowId: id }), false), options.clock)
    },
  }
  connection.detachHttp()
  socket.read(0) // reads on, into the buffer, so that a client's reset is seen while the way out is being opened
  void context.handleFlow(flow, connection.signal)
}
