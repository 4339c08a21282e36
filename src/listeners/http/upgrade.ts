import type http from 'node:http'
import type { Socket } from 'node:net'
import type { Conn } from '../../contracts/conn.ts'
import type { Relay, RelayCounts } from '../../contracts/relay.ts'
import type { ExchangeResult, UpstreamRequest } from '../../contracts/request.ts'
import { endToEndFields, fieldValues, listMembers, type RawFields } from '../../wire/http-fields.ts'
import type { ForwardRequest } from '../../wire/http-request-head.ts'
import { viaMember } from '../../wire/http-via.ts'
import type { ClientConnection } from './client-connection.ts'
import { badAnswer } from './upstream-failure.ts'

export interface UpgradeParts {
  readonly connection: ClientConnection
  readonly forward: ForwardRequest
  readonly pseudonym: string
  readonly relay: Relay
  readonly counts: RelayCounts
}

/**
 * Watches a request that asks for another protocol. When the upstream switches (101), the client is told and the bytes are relayed;
 * `onSwitched` gets the result. Any other answer is left to the ordinary exchange.
 */
export function watchForSwitch(
  upstream: UpstreamRequest,
  parts: UpgradeParts,
  onSwitched: (result: ExchangeResult | Promise<ExchangeResult>) => void,
  onRefused: (error: ReturnType<typeof badAnswer>) => void,
): void {
  upstream.on('upgrade', (answer: http.IncomingMessage, conn: Socket, head: Buffer) => {
    const chosen = fieldValues(answer.rawHeaders, 'upgrade').join(', ')
    const offered = listMembers([parts.forward.upgrade ?? ''])
    const unasked = listMembers([chosen]).find((protocol) => !offered.includes(protocol))
    if (chosen === '' || unasked !== undefined) {
      conn.destroy()
      onRefused(badAnswer('switches to a protocol that was not offered', upstream, parts.forward.target))
      return
    }
    if (head.length > 0) conn.unshift(head)
    onSwitched(switchOver(answer, chosen, conn, parts))
  })
}

async function switchOver(
  answer: http.IncomingMessage,
  protocol: string,
  conn: Conn,
  { connection, pseudonym, relay, counts }: UpgradeParts,
): Promise<ExchangeResult> {
  const { signal } = connection
  const client = connection.release()
  client.write(switchingBytes(answer, protocol, pseudonym))
  return { status: 101, ...(await relay(client, conn, signal, counts)) }
}

function switchingBytes(answer: http.IncomingMessage, protocol: string, pseudonym: string): Buffer {
  const options = listMembers(fieldValues(answer.rawHeaders, 'connection'))
  const fields: RawFields = [
    ...endToEndFields(answer.rawHeaders, options),
    ...['Via', viaMember(pseudonym, answer.httpVersionMinor), 'Connection', 'Upgrade', 'Upgrade', protocol],
  ]
  let head = 'HTTP/1.1 101 Switching Protocols\r\n'
  for (let i = 0; i < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`
  return Buffer.from(`${head}\r\n`, 'latin1')
}

/**
 * The same request without its offer to upgrade, as bytes for the parser. RFC 9110 §7.8 lets a server ignore an offer, and for some we do:
 * those with a body, h2c (RFC 9113 has abandoned it), and everything that is wrong or refused anyway.
 */
export function withoutUpgrade(request: http.IncomingMessage): Buffer {
  let head = `${request.method} ${request.url} HTTP/${request.httpVersion}\r\n`
  const { rawHeaders } = request
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    if (name === 'upgrade' || name === 'http2-settings') continue
    const value = name === 'connection' ? withoutOffer(rawHeaders[i + 1]!) : rawHeaders[i + 1]!
    head += `${rawHeaders[i]}: ${value}\r\n`
  }
  return Buffer.from(`${head}\r\n`, 'latin1')
}

function withoutOffer(connection: string): string {
  return connection
    .split(',')
    .filter((option) => !/^\s*(?:upgrade|http2-settings)\s*$/i.test(option))
    .join(',')
}
