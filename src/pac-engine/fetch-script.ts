import http from 'node:http'
import https from 'node:https'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { Conn } from '../contracts/conn.ts'
import type { StreamDialer } from '../contracts/dialer.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import { proxyRefusal } from '../wire/proxy-refusal.ts'
import { decodeContent } from './content-coding.ts'
import { fetchFailure } from './fetch-failure.ts'
import { MAX_SCRIPT_BYTES } from './limits.ts'
import { clean } from './script-failure.ts'

const MAX_REDIRECTS = 5
/** Bytes of an answer's head: Chromium's `kMaxHeaderBufSize`. */
const MAX_HEAD_BYTES = 262_144
/** Of a Content-Type, which goes into log lines and the status. */
const MAX_TYPE_CHARS = 100

export interface FetchedScript {
  readonly bytes: Uint8Array
  readonly charset?: string
  /** What the server calls it; anything is accepted. */
  readonly contentType?: string
  readonly validators?: Validators
}

/** What a server says of its version, to be asked whether it still holds (RFC 9110 §8.8). */
export interface Validators {
  /** Of the answer, behind all redirects: another place knows other versions. */
  readonly url: string
  readonly etag?: string
  readonly lastModified?: string
}

/** The way to the server. Never one that the script itself decides about. */
export interface ScriptWay {
  readonly dialer: StreamDialer
  /** The last proxy on it, where that speaks HTTP. It is asked for `http` URLs as any client asks it, in absolute-form: many refuse tunnels to port 80. */
  readonly httpProxy?: HttpProxy
}

export interface HttpProxy {
  /** For people. */
  readonly name: string
  /** Rejects with a `GatewayError`. */
  dial(signal: AbortSignal): Promise<Conn>
  /** Value of Proxy-Authorization. */
  authorization(): string | undefined
}

export interface FetchOptions extends ScriptWay {
  readonly signal: AbortSignal
  /** PEM, in place of the system's authorities. */
  readonly ca?: string
  /** Of the version at hand: `unchanged` is the answer when it still holds. */
  readonly validators?: Validators
}

/** GETs a script over http or https. Rejects with a `GatewayError`. */
export async function fetchScript(url: URL, options: FetchOptions): Promise<FetchedScript | 'unchanged'> {
  try {
    return await follow(url, options)
  } catch (error) {
    throw fetchFailure(url, error)
  }
}

async function follow(url: URL, options: FetchOptions): Promise<FetchedScript | 'unchanged'> {
  let place = url
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const answer = await get(place, options)
    if (!(answer instanceof URL)) return answer
    if (place.protocol === 'https:' && answer.protocol === 'http:') {
      throw new GatewayError(
        'PAC_FAILED',
        `the PAC server ${place.host} redirects from https to http, which is not followed`,
      )
    }
    if (answer.protocol !== 'https:' && answer.protocol !== 'http:') {
      throw new GatewayError(
        'PAC_FAILED',
        `the PAC server ${place.host} redirects to ${answer.protocol} which is not followed: expected http or https`,
      )
    }
    place = answer
  }
  throw new GatewayError('PAC_FAILED', `the PAC server ${url.host} redirects more than ${MAX_REDIRECTS} times`)
}

async function get(url: URL, options: FetchOptions): Promise<FetchedScript | 'unchanged' | URL> {
  const secure = url.protocol === 'https:'
  if (!secure && url.protocol !== 'http:') {
    throw new GatewayError('PAC_FAILED', `cannot fetch a PAC script by ${url.protocol} expected http, https or file`)
  }
  if (!secure && options.httpProxy) {
    const conn = await options.httpProxy.dial(options.signal)
    return request(url, options, conn, options.httpProxy).finally(() => conn.destroy())
  }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const family = url.hostname.startsWith('[') ? 6 : /^[0-9.]+$/.test(host) ? 4 : 0
  const conn = await options.dialer.dial(
    { host, family, port: Number(url.port) || (secure ? 443 : 80) },
    { signal: options.signal },
  )
  const tls: ConnectionOptions = { socket: conn, ...(options.ca ? { ca: options.ca } : {}) }
  const socket = secure ? connectTls(family === 0 ? { ...tls, servername: host } : { ...tls, host }) : conn
  try {
    return await request(url, options, socket)
  } finally {
    socket.destroy()
    conn.destroy()
  }
}

function request(
  url: URL,
  options: FetchOptions,
  socket: Duplex,
  proxy?: HttpProxy,
): Promise<FetchedScript | 'unchanged' | URL> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(fetchFailure(url, error))
    const headers: http.OutgoingHttpHeaders = {
      host: url.host, // Node would add the port, also where it goes without saying
      accept: 'application/x-ns-proxy-autoconfig, */*;q=0.1',
      'accept-encoding': 'identity',
      connection: 'close',
      'user-agent': 'fairlead',
    }
    const known = options.validators?.url === url.href ? options.validators : undefined
    if (known?.etag !== undefined) headers['if-none-match'] = known.etag
    if (known?.lastModified !== undefined) headers['if-modified-since'] = known.lastModified
    const authorization = proxy?.authorization()
    if (authorization !== undefined) headers['proxy-authorization'] = authorization
    // What the proxy remembers may be days old, and would count as the server's word (RFC 9111 §5.2.1.4).
    if (proxy) Object.assign(headers, { 'cache-control': 'no-cache', pragma: 'no-cache' })
    const make = url.protocol === 'https:' ? https.request : http.request
    // No `agent: false`: with it Node makes an agent that opens a connection of its own, past the dialer.
    // Lines that end with a bare LF, names with a blank: servers that browsers put up with. One answer, and the connection is closed behind it: nothing can be smuggled.
    const lenient = { insecureHTTPParser: true, maxHeaderSize: MAX_HEAD_BYTES }
    const form = proxy ? { path: `http://${url.host}${url.pathname}${url.search}` } : {}
    let broken: Error | undefined
    const outgoing = make(
      url,
      { ...form, createConnection: () => socket, headers, signal: options.signal, ...lenient },
      (reply) => {
        reply.on('error', () => {}) // whoever reads the body is told
        const status = reply.statusCode ?? 0
        const refusal = proxy && refusedBy(proxy, reply)
        if (refusal) return fail(refusal)
        if (status === 304 && known) return resolve('unchanged')
        if ([301, 302, 303, 307, 308].includes(status) && reply.headers.location) {
          if (!URL.canParse(reply.headers.location, url.href)) return fail(new Error(`bad redirect from ${url.host}`))
          return resolve(new URL(reply.headers.location, url))
        }
        if (status !== 200) return fail(new Error(`the server answered ${status}, expected 200`))
        outgoing.off('error', fail).on('error', (error) => {
          broken ??= error
        })
        readBody(reply)
          .then((bytes) => {
            // What is given up is read to nobody's ear, and seems complete.
            options.signal.throwIfAborted()
            return decodeContent(bytes, reply.headers['content-encoding'])
          })
          .then(
            (bytes) => resolve({ bytes, ...described(url, reply.headers) }),
            (error: unknown) => fail(options.signal.aborted ? options.signal.reason : (broken ?? error)),
          )
      },
    )
    outgoing.on('error', fail)
    outgoing.on('information', ({ statusCode }) => {
      if (statusCode === 101) fail(new Error('the server answered 101, expected 200'))
    })
    outgoing.on('upgrade', () => fail(new Error('the server answered 101, expected 200')))
    // A handshake leaves its connection paused, and Node's client takes it as it is.
    outgoing.once('socket', (socket) => socket.resume())
    outgoing.end()
  })
}

/** What the proxy itself has answered, and not the server. */
function refusedBy(proxy: HttpProxy, { statusCode = 0, statusMessage = '', rawHeaders }: http.IncomingMessage) {
  if (statusCode === 407) {
    const had = proxy.authorization() !== undefined
    return new Error(`${proxy.name} ${had ? 'does not accept the credentials' : 'asks for credentials'} of \`pac.via\``)
  }
  const words = proxyRefusal(statusCode, statusMessage, rawHeaders)
  return words === undefined ? undefined : new Error(`${proxy.name} refused: ${words}`)
}

/**
 * The body as long as its head says. What a server sends behind that (a NUL, one more line) is nobody's: the connection ends here, and browsers leave it, too.
 */
async function readBody(reply: http.IncomingMessage): Promise<Uint8Array> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of reply) {
    length += part.length
    if (length > MAX_SCRIPT_BYTES) throw new Error(`the script is larger than ${MAX_SCRIPT_BYTES} bytes`)
    parts.push(part)
  }
  if (!reply.complete) throw new Error('the connection closed before the script was complete')
  return Buffer.concat(parts)
}

function described(url: URL, headers: http.IncomingHttpHeaders): Omit<FetchedScript, 'bytes'> {
  const contentType = headers['content-type']
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType ?? '')?.[1]
  return {
    ...(contentType === undefined ? {} : { contentType: clean(contentType).slice(0, MAX_TYPE_CHARS) }),
    ...(charset === undefined ? {} : { charset }),
    ...validatorsOf(url, headers),
  }
}

function validatorsOf(url: URL, { etag, 'last-modified': lastModified }: http.IncomingHttpHeaders) {
  const known = {
    ...(isSendable(etag) ? { etag } : {}),
    ...(isSendable(lastModified) ? { lastModified } : {}),
  }
  return Object.keys(known).length > 0 ? { validators: { url: url.href, ...known } } : {}
}

/** As the value of a field (RFC 9110 §5.5): what was read leniently may not be. */
function isSendable(value: string | undefined): value is string {
  return value !== undefined && /^[\t\x20-\x7e\x80-\xff]+$/.test(value)
}
