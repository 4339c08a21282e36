import type { Socket } from 'node:net'
import type { Clock } from '../contracts/clock.ts'
import type { Conn } from '../contracts/conn.ts'
import type { DoorContext } from '../contracts/door.ts'
import type { Flow } from '../contracts/flow.ts'
import { GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import { SocksConversation, type SocksRequest, type SocksStep } from '../wire/socks-conversation.ts'
import { targetFromHost } from '../wire/target.ts'
import { clientOf } from './client.ts'
import { farewell } from './farewell.ts'
import { serveAssociate } from './socks-associate.ts'

export interface SocksDoorOptions {
  readonly clock: Clock
  /** Milliseconds from the first byte to a complete request. */
  readonly handshakeMs: number
  /** Is told of each request while it has no answer. To abort one is to refuse it. */
  readonly unanswered?: Set<AbortController>
}

/**
 * Serves one client that has begun to speak SOCKS with `first`. The socket is paused and has no data listener yet. To what it said it has been
 * answered `answered` bytes already: the choice of a method, if anything.
 */
export function serveSocks(
  socket: Socket,
  first: Buffer,
  context: DoorContext,
  options: SocksDoorOptions,
  answered = 0,
): void {
  const conversation = new SocksConversation(context.auth, { offersAssociate: context.handlePackets !== undefined })
  const cancelTimer = options.clock.after(options.handshakeMs, () => {
    refuse(
      new GatewayError('BAD_REQUEST', `the SOCKS client sent no complete request within ${options.handshakeMs} ms`),
    )
  })
  const onClose = () => cancelTimer()
  const onEnd = () => {
    refuse(new GatewayError('BAD_REQUEST', 'the SOCKS client closed its connection inside its request'))
  }

  const refuse = (error: GatewayError, reply?: Buffer) => {
    stopReading()
    context.refused?.(clientOf(socket), error)
    farewell(socket, reply, options.clock)
  }
  const stopReading = () => {
    cancelTimer()
    socket.off('data', take)
    socket.off('close', onClose)
    socket.off('end', onEnd)
    socket.pause()
  }
  const take = (chunk: Buffer) => {
    const step = afterAnswered(conversation.push(chunk))
    switch (step.kind) {
      case 'more':
        if (step.send) socket.write(step.send)
        return
      case 'failed':
        return refuse(step.error, step.send)
      case 'request':
        if (step.send) socket.write(step.send)
        stopReading()
        if (step.rest.length > 0) socket.unshift(step.rest)
        begin(socket, step.request, conversation, context, options)
    }
  }

  let unsaid = answered
  const afterAnswered = (step: SocksStep): SocksStep => {
    if (unsaid === 0 || !step.send) return step
    const send = step.send.subarray(unsaid)
    unsaid = 0
    const { send: _, ...rest } = step
    return send.length > 0 ? { ...rest, send } : rest
  }

  socket.once('close', onClose)
  socket.once('end', onEnd)
  socket.on('data', take)
  take(first)
  if (socket.listenerCount('data') > 0) socket.resume()
}

/** The negotiation is over; what the client asks for becomes a flow. */
function begin(
  socket: Socket,
  request: SocksRequest,
  conversation: SocksConversation,
  context: DoorContext,
  options: SocksDoorOptions,
): void {
  const client = clientOf(socket, request.user)
  if (request.command === 'associate') {
    return void serveAssociate(socket, request, client, conversation, context, options.clock)
  }
  const gone = new AbortController()
  const onClose = () => {
    options.unanswered?.delete(gone)
    gone.abort(new GatewayError('CLIENT_GONE', 'the client closed its connection'))
  }
  const answered = () => {
    options.unanswered?.delete(gone)
    socket.off('close', onClose)
  }

  const reject = (error: GatewayError) => {
    answered()
    farewell(socket, conversation.reply(error.code), options.clock)
  }
  let target: Flow['target']
  try {
    target = targetFromHost(request.host, request.port)
  } catch (thrown) {
    const error = toGatewayError(thrown)
    context.refused?.(client, error)
    reject(error)
    return
  }
  socket.once('close', onClose)
  options.unanswered?.add(gone)
  const flow: Flow = {
    id: context.nextId(),
    door: context.name,
    protocol: request.version === 5 ? 'socks5' : 'socks4',
    target,
    scheme: target.port === 80 ? 'http' : 'https',
    scope: context.scope,
    client,
    async accept(): Promise<Conn> {
      answered()
      socket.write(conversation.reply())
      return socket
    },
    reject,
  }
  void context.handleFlow(flow, gone.signal)
}
