import type http from 'node:http'
import type { HttpReply } from '../../wire/http-reply.ts'

/** A reply as bytes, for sockets that no ServerResponse speaks for. `keep`: the connection goes on. */
export function replyBytes(reply: HttpReply, keep: boolean, withBody = true): Buffer {
  let head = `HTTP/1.1 ${reply.status} ${reply.reason}\r\n`
  for (let i = 0; i < reply.fields.length; i += 2) head += `${reply.fields[i]}: ${reply.fields[i + 1]}\r\n`
  head += `Connection: ${keep ? 'keep-alive' : 'close'}\r\n\r\n`
  return Buffer.from(withBody ? head + reply.body : head, 'utf8')
}

/** A reply to a request that Node has a ServerResponse for. */
export function sendReply(response: http.ServerResponse, reply: HttpReply, keep: boolean): void {
  if (response.headersSent || response.destroyed) return
  response.sendDate = false
  if (!keep) response.shouldKeepAlive = false
  response.writeHead(reply.status, reply.reason, [...reply.fields] as unknown as http.OutgoingHttpHeaders)
  response.end(reply.body)
}
