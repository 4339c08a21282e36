import http from 'node:http'
import type { Socket } from 'node:net'
import { HttpProxyAgent } from 'http-proxy-agent'
import type { Conn } from '../../contracts/conn.ts'
import type { Hop } from '../../contracts/route.ts'
import { formatAuthority } from '../../wire/target.ts'
import { basicAuthorization } from '../basic-authorization.ts'

/** What our agents find among a request's options: the connection to use, and what becomes of it afterwards. */
export interface ConnOptions {
  readonly conn: Conn
  /** The request is over and the connection fit for another. */
  freed(): void
  /** Absolute-form only: the request-target, and the client's fields. */
  readonly absoluteForm?: string
  readonly rawHeaders?: readonly string[]
}

/** `keepAlive` makes Node ask for a persistent connection and say when one is free. The pool is ours: Node's forgets no name it failed to reach. */
const AGENT_OPTIONS: http.AgentOptions = { keepAlive: true }

type AgentConnectOpts = Parameters<HttpProxyAgent<string>['connect']>[1]

/** Takes connections from us and gives them back to us. */
function ownThePool(agent: http.Agent): void {
  agent.removeAllListeners('free')
  agent.on('free', (conn: Conn, options: ConnOptions) => {
    conn.emit('agentRemove') // the documented way to take a connection out of an agent
    options.freed()
  })
}

/** Sends requests in origin-form over connections that we dialled to the target. */
export class OriginAgent extends http.Agent {
  constructor() {
    super(AGENT_OPTIONS)
    ownThePool(this)
  }

  override createConnection(options: unknown): Socket {
    return (options as ConnOptions).conn as Socket
  }

  /** One list of busy connections for all: nothing is ever looked up by name. */
  override getName(): string {
    return 'origin'
  }
}

/**
 * Sends requests in absolute-form over connections that we dialled to one HTTP(S) proxy. http-proxy-agent prepares the request; the request
 * line is ours, for it takes the authority from Host and resolves the path like a relative URL (`//other/x` would go to `other`).
 */
export class UpstreamProxyAgent extends HttpProxyAgent<string> {
  constructor(proxy: Hop) {
    // No user information in the URL: http-proxy-agent prints it in its debug output.
    super(`${proxy.kind}://${formatAuthority(proxy)}`, { ...AGENT_OPTIONS, headers: () => authorization(proxy) })
    // Otherwise agent-base reads a stack trace for every request to find out whether it came from `https`.
    this.protocol = 'http:'
    this.defaultPort = 80
    ownThePool(this)
  }

  override setRequestProps(req: http.ClientRequest, options: AgentConnectOpts): void {
    super.setRequestProps(req as Parameters<HttpProxyAgent<string>['setRequestProps']>[0], options)
    const { absoluteForm, rawHeaders } = options as AgentConnectOpts & Required<ConnOptions>
    req.removeHeader('Proxy-Connection') // never a standard field; HTTP/1.1 persists without it
    req.path = absoluteForm
    // Here and not in the request's options: Node would have written out the head of a request with `Expect` before the agent saw it.
    for (let i = 0; i < rawHeaders.length; i += 2) req.appendHeader(rawHeaders[i]!, rawHeaders[i + 1]!)
  }

  override connect(_req: unknown, options: AgentConnectOpts): Promise<Socket> {
    return Promise.resolve((options as AgentConnectOpts & ConnOptions).conn as Socket)
  }

  override getName(): string {
    return 'proxy'
  }
}

function authorization(proxy: Hop): http.OutgoingHttpHeaders {
  const basic = basicAuthorization(proxy)
  return basic === undefined ? {} : { 'Proxy-Authorization': basic }
}
