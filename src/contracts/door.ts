import type { Flow } from './flow.ts'
import type { GatewayError } from './gateway-error.ts'
import type { HandlePackets } from './packet.ts'
import type { RequestFlow } from './request.ts'
import type { Client } from './route.ts'
import type { Scope } from './target.ts'

/** Who may use a door. Compares in constant time; knows nothing of the protocol that carried the credentials. */
export interface DoorAuth {
  verify(username: string, password: string): boolean
}

/** What every explicit door is given. One listening address is one door, whatever protocols it speaks. */
export interface DoorContext {
  /** For people and logs: `mixed 127.0.0.1:3128`. */
  readonly name: string
  readonly scope: Scope
  /** The only places it leads to; absent: everywhere that policy lets it. Said to a person who opens its address in a browser. */
  readonly leadsTo?: 'containers'
  /** Absent: no credentials are asked for. */
  readonly auth?: DoorAuth
  /** Next flow id. */
  nextId(): string
  /** Takes a flow to its end. Never rejects. `signal` aborts when the client goes or the door is closed for good. */
  handleFlow(flow: Flow, signal: AbortSignal): Promise<void>
  handleRequest(flow: RequestFlow, signal: AbortSignal): Promise<void>
  /** Absent: the door carries no datagrams, and UDP ASSOCIATE is answered "command not supported". */
  readonly handlePackets?: HandlePackets
  /** For the log: a client that was turned away before it became a flow (malformed bytes, wrong credentials, too slow). */
  refused?(client: Client, error: GatewayError): void
}
