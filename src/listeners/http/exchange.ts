import type http from 'node:http'
import { GatewayError, toGatewayError } from '../../contracts/gateway-error.ts'
import type { ExchangeResult, UpstreamAnswer, UpstreamRequest } from '../../contracts/request.ts'
import type { Target } from '../../contracts/target.ts'
import { type CheckedResponse, checkInterim, checkResponse, type ResponseHead } from '../../wire/http-response-head.ts'
import { isRepeatable } from './is-repeatable.ts'
import {
  awaitNext,
  awaitRest,
  goesOnBehind,
  goOnWithout,
  isWholeWithout,
  type LateRequestParts,
  saysYes,
} from './late-request.ts'
import { interimBytes, responseHeadOf } from './node-messages.ts'
import { passBody } from './pass-body.ts'
import { sendBody } from './send-body.ts'
import {
  answerer,
  badAnswer,
  explain407,
  explainBreak,
  explainCutRequest,
  explainRefusal,
  explainUpstreamError,
} from './upstream-failure.ts'

/** Interim responses to one request. A server that sends more is not getting anywhere. */
const MAX_INTERIM = 32

export interface ExchangeParts extends LateRequestParts {
  readonly response: http.ServerResponse
  readonly pseudonym: string
  /** Tells the client what failed, if its response has not begun; answers the status. */
  fail(error: GatewayError): number
}

/**
 * One request on its way out and its response on the way back. Both directions run at once, each with back-pressure; the first that
 * breaks ends both. A response that breaks off resets the client's connection: it never looks complete.
 */
export class Exchange {
  readonly #parts: ExchangeParts
  readonly #target: Target
  readonly #startedAt: number
  #upstream: UpstreamRequest
  #resolve: (result: ExchangeResult) => void = () => {}
  #settled = false
  #interims = 0
  #status = 0
  #answer: UpstreamAnswer | undefined
  #firstByteMs: number | undefined
  #cancelHeadTimer: () => void = () => {}
  /** The upstream answers before it has all of the request, and takes the rest. Called when that is over. */
  #endOfLateRequest: (() => void) | undefined
  /** The client has all of the answer. */
  #answered = false

  constructor(upstream: UpstreamRequest, parts: ExchangeParts) {
    this.#upstream = upstream
    this.#parts = parts
    this.#target = parts.forward.target
    this.#startedAt = parts.clock.monotonic()
  }

  run(): Promise<ExchangeResult> {
    const { connection, response } = this.#parts
    return new Promise((resolve) => {
      this.#resolve = resolve
      connection.signal.addEventListener('abort', this.#onAbort, { once: true })
      response.on('finish', () => this.#onAnswered())
      response.on('error', () => {}) // a client that leaves while we write; `abort` follows
      this.#attach(this.#upstream)
      if (connection.signal.aborted) this.#onAbort()
      else this.#sendBody()
    })
  }

  /** The upstream has switched protocols: the socket is no longer HTTP's, and the bytes are counted elsewhere. */
  abandon(): void {
    this.#settled = true
    this.#cancelHeadTimer()
    this.#parts.connection.signal.removeEventListener('abort', this.#onAbort)
  }

  /** The upstream answered what can't be passed on. */
  refuse(error: GatewayError): void {
    this.#fail(error)
  }

  #attach(upstream: UpstreamRequest): void {
    if (upstream.destroyed) {
      // It died between the dialer's hand and ours; its events are over.
      const gone = new Error('closed before the request was sent')
      queueMicrotask(() => this.#onUpstreamError(upstream, gone))
      return
    }
    upstream.on('information', (info) => this.#onInterim(info))
    upstream.on('response', (answer) => this.#onResponse(answer))
    let failed = false
    upstream.on('error', (error) => {
      failed = true
      this.#onUpstreamError(upstream, error)
    })
    upstream.on('close', () => {
      // A 101 that nobody asked for ends like this, without an error.
      if (this.#answered) this.#onUpstreamGone()
      else if (!failed && !this.#answer) this.#fail(badAnswer('switches protocols unasked', upstream, this.#target))
    })
    upstream.on('finish', () => (this.#answered ? this.#onLateRequestSent() : this.#startHeadTimer()))
  }

  #sendBody(): void {
    sendBody(this.#upstream, this.#parts, this.#isSettled)
  }

  #startHeadTimer(): void {
    this.#cancelHeadTimer()
    if (this.#settled || this.#status !== 0) return
    const { responseHeadMs } = this.#parts.limits
    this.#cancelHeadTimer = this.#parts.clock.after(responseHeadMs, () => {
      const { hop, name } = answerer(this.#upstream, this.#target)
      this.#fail(
        new GatewayError('UPSTREAM_TIMEOUT', `${name} did not answer within ${responseHeadMs / 1000} s`, { hop }),
      )
    })
  }

  #onInterim(info: http.InformationEvent): void {
    const { request, response, forward, pseudonym, connection } = this.#parts
    if (this.#settled) return
    this.#interims++
    const fields =
      this.#interims > MAX_INTERIM ? 'is interim without end' : checkInterim(responseHeadOf(info), pseudonym)
    if (typeof fields === 'string') {
      this.#fail(badAnswer(fields, this.#upstream, this.#target))
      return
    }
    if (this.#upstream.writableFinished) this.#startHeadTimer()
    // RFC 9110 §15.2: never to HTTP/1.0; a 100 that nobody asked for may be dropped.
    if (request.httpVersionMinor === 0) return
    if (info.statusCode === 100) {
      if (forward.expectsContinue) response.writeContinue()
    } else if (response.socket) {
      connection.socket.write(interimBytes(info, fields))
    }
  }

  #onResponse(answer: UpstreamAnswer): void {
    const { request, response, pseudonym } = this.#parts
    this.#cancelHeadTimer()
    answer.on('error', () => {}) // `close` says the same, and once
    if (this.#settled) return
    this.#firstByteMs = this.#parts.clock.monotonic() - this.#startedAt
    const head = responseHeadOf(answer)
    const checked = checkResponse(head, request.method ?? '', pseudonym)
    if (typeof checked === 'string') {
      this.#fail(badAnswer(checked, this.#upstream, this.#target))
      return
    }
    if (checked.status === 407) {
      this.#fail(explain407(answer, this.#upstream, this.#target))
      return
    }
    const refusal = explainRefusal(answer, this.#upstream, this.#target)
    if (refusal) {
      this.#fail(refusal)
      return
    }
    this.#beginResponse(checked, head)
    try {
      response.writeHead(checked.status, checked.reason, checked.fields as unknown as http.OutgoingHttpHeaders)
    } catch {
      this.#status = 0
      this.#endOfLateRequest?.()
      this.#fail(badAnswer('has a field that cannot be passed on', this.#upstream, this.#target))
      return
    }
    this.#answer = answer
    passBody(answer, this.#parts, this.#isSettled, () => this.#breakOff())
    // After what the answer has brought along, which then goes out together with the head: one call and one packet. Without, the head goes alone.
    process.nextTick(() => {
      if (this.#parts.counts.bytesDown === 0 && !this.#settled && !response.writableEnded) response.write(NOTHING)
    })
  }

  /** Decides, before the head is written, how the client will know where the body ends and whether the connection goes on. */
  #beginResponse(checked: CheckedResponse, head: ResponseHead): void {
    const { connection, request, response, forward, lastRequest } = this.#parts
    this.#status = checked.status
    response.sendDate = false
    if (request.httpVersionMinor === 0) response.useChunkedEncodingByDefault = false
    if (goesOnBehind(checked, head, this.#upstream, this.#parts)) this.#endOfLateRequest = connection.holdOpen()
    // What is left of the request's body would be read as the next request by nobody, yet it must be read by somebody.
    const unread = forward.framing.kind !== 'none' && !request.complete && !this.#endOfLateRequest
    if (unread || lastRequest()) response.shouldKeepAlive = false
  }

  #onAnswered(): void {
    if (this.#settled) return
    this.#answered = true
    if (this.#upstream.writableEnded || !this.#endOfLateRequest) this.#finish()
    else if (this.#upstream.destroyed) this.#onUpstreamGone()
    else awaitRest(this.#parts)
  }

  #onLateRequestSent(): void {
    if (this.#settled) return
    this.#finish()
    awaitNext(this.#parts)
  }

  /** In every other end of a late request its client's connection is reset, or gone. */
  #finish(): void {
    this.#settle('finished')
    this.#endOfLateRequest?.()
  }

  /** Behind its answer, and without all of the request. Whom it has told "yes" must hear of that. */
  #onUpstreamGone(): void {
    if (this.#settled) return
    const { connection } = this.#parts
    if (saysYes(this.#status)) {
      this.#settle('upstream-reset', explainCutRequest(this.#upstream, this.#target))
      connection.reset()
    } else {
      this.#finish()
      connection.socket.destroySoon()
    }
  }

  /** The upstream left in the middle of its body, or what it went on with was bad. */
  #breakOff(thrown?: Error): void {
    if (this.#settled) return
    const error = explainBreak(thrown, this.#upstream, this.#target)
    this.#settle('upstream-reset', error)
    this.#parts.connection.reset()
  }

  #onUpstreamError(upstream: UpstreamRequest, thrown: Error): void {
    if (this.#settled || upstream !== this.#upstream) return
    if (this.#answer) {
      if (this.#answered) this.#onUpstreamGone()
      // Node takes a reset for the end of a body that is delimited by the end of the connection. It is none.
      else if (!this.#answer.complete) this.#breakOff(thrown)
      return
    }
    if (upstream.again && this.#interims === 0 && isRepeatable(this.#parts.request.method, this.#parts.forward)) {
      upstream.again(this.#parts.connection.signal).then(
        (fresh) => this.#repeat(fresh),
        (error: unknown) => this.#fail(toGatewayError(error)),
      )
      return
    }
    this.#fail(explainUpstreamError(thrown, upstream, this.#target))
  }

  #repeat(fresh: UpstreamRequest): void {
    if (this.#settled) {
      fresh.on('error', () => {})
      fresh.destroy()
      return
    }
    this.#upstream = fresh
    this.#attach(fresh)
    this.#sendBody()
  }

  #fail(error: GatewayError): void {
    if (this.#settled) return
    if (this.#status !== 0) {
      this.#breakOff(error)
      return
    }
    this.#status = this.#parts.fail(error)
    this.#settle('upstream-reset', error)
  }

  readonly #isSettled = () => this.#settled

  readonly #onAbort = () => {
    const { connection } = this.#parts
    const { signal, ended } = connection
    const reason = toGatewayError(signal.reason)
    if (reason.code === 'SHUTTING_DOWN' && this.#status === 0) this.#status = this.#parts.fail(reason)
    if (!this.#answered) this.#settle(ended, reason)
    else if (!saysYes(this.#status)) this.#settle('finished')
    else if (!isWholeWithout(reason, this.#parts)) this.#settle(ended, reason)
    else {
      this.#cancelHeadTimer = goOnWithout(
        this.#parts,
        (end) => this.#settle('aborted', end),
        () => this.#settle(ended, reason),
      )
    }
  }

  #settle(ended: ExchangeResult['ended'], error?: GatewayError): void {
    if (this.#settled) return
    this.#settled = true
    this.#cancelHeadTimer()
    const { connection, request, counts } = this.#parts
    connection.signal.removeEventListener('abort', this.#onAbort)
    // Who answers before the request is whole, and closes: nobody wants the rest (RFC 9112 §9.5).
    if (ended !== 'finished' || !this.#upstream.writableEnded) this.#upstream.destroy()
    request.removeAllListeners('data')
    request.resume()
    this.#resolve({
      status: this.#status,
      bytesUp: counts.bytesUp,
      bytesDown: counts.bytesDown,
      ...(this.#firstByteMs === undefined ? {} : { firstByteMs: this.#firstByteMs }),
      ended,
      ...(error ? { error } : {}),
    })
  }
}

/** Not `flushHeaders`: it writes the head as UTF-8 and so garbles bytes above ASCII. */
const NOTHING = Buffer.alloc(0)
