import type { Target } from '../contracts/target.ts'
import { readConnectHead } from '../wire/connect-head.ts'
import { ESTABLISHED, readProxyRequest } from '../wire/http-request-head.ts'
import { SocksConversation } from '../wire/socks-conversation.ts'
import { SOCKS4_VERSION } from '../wire/socks4.ts'
import { SOCKS5_VERSION } from '../wire/socks5.ts'
import { targetFromHost } from '../wire/target.ts'

/** The protocols in which a client asks for a tunnel, by the names that the flow log has; the last for those who ask in none. */
export const PROTOCOLS = ['http-connect', 'socks5', 'socks4', 'captured'] as const
export type Protocol = (typeof PROTOCOLS)[number]

/** A tunnel that a client wants. */
export interface Wish {
  readonly protocol: Protocol
  readonly target: Target
  /** What tells the client that it has it. */
  readonly yes: Buffer
  /** What the client has already sent for the target. */
  readonly rest: Buffer
}

export type OpeningStep =
  /** `send` is for the client, now. */
  | { readonly kind: 'more'; readonly send: Buffer | undefined }
  | { readonly kind: 'wish'; readonly wish: Wish; readonly send: Buffer | undefined }
  /** Not for us: another protocol, a refusal, or anything that is not quite as usual. */
  | { readonly kind: 'other' }

export interface OpeningOptions {
  /** Our name in Via. */
  readonly pseudonym: string
  /** Bytes of a request head. */
  readonly maxHeadBytes: number
}

const OTHER: OpeningStep = { kind: 'other' }
const YES = Buffer.from(ESTABLISHED)

/** The first words of one client of a door that asks for no credentials: bytes in, steps out; never throws. */
export class Opening {
  #socks: SocksConversation | undefined

  push(chunk: Buffer, options: OpeningOptions): OpeningStep {
    try {
      if (this.#socks) return this.#readSocks(chunk)
      if (chunk[0] !== SOCKS5_VERSION && chunk[0] !== SOCKS4_VERSION) return readConnect(chunk, options)
      this.#socks = new SocksConversation()
      return this.#readSocks(chunk)
    } catch {
      return OTHER // whoever takes over will throw the same, and tell the client
    }
  }

  #readSocks(chunk: Buffer): OpeningStep {
    const conversation = this.#socks!
    const step = conversation.push(chunk)
    if (step.kind === 'failed') return OTHER
    if (step.kind === 'more') return { kind: 'more', send: step.send }
    const { version, host, port } = step.request
    const target = targetFromHost(host, port)
    const protocol = version === 5 ? 'socks5' : 'socks4'
    return { kind: 'wish', send: step.send, wish: { protocol, target, yes: conversation.reply(), rest: step.rest } }
  }
}

function readConnect(chunk: Buffer, { pseudonym, maxHeadBytes }: OpeningOptions): OpeningStep {
  const read = readConnectHead(chunk, maxHeadBytes)
  if (!read) return OTHER
  const asked = readProxyRequest(read.head, pseudonym)
  if (asked.kind !== 'connect') return OTHER
  const rest = chunk.subarray(read.length)
  return { kind: 'wish', send: undefined, wish: { protocol: 'http-connect', target: asked.target, yes: YES, rest } }
}
