import type http from 'node:http'
import type { RawFields } from '../../wire/http-fields.ts'

const ALLOW = 'CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE'

/** Answers what was asked of the gateway itself: `OPTIONS *`, or the last hop of a TRACE or OPTIONS (RFC 9110 §9.3.7, §9.3.8). */
export function answerOwn(request: http.IncomingMessage, response: http.ServerResponse): void {
  response.sendDate = false
  if (request.method === 'OPTIONS') {
    send(response, ['Allow', ALLOW, 'Content-Length', '0'], '')
    return
  }
  const echo = `TRACE ${request.url} HTTP/${request.httpVersion}\r\n${fieldLines(request.rawHeaders)}\r\n`
  send(response, ['Content-Type', 'message/http', 'Content-Length', String(Buffer.byteLength(echo, 'latin1'))], echo)
}

function send(response: http.ServerResponse, fields: string[], body: string): void {
  response.writeHead(200, 'OK', fields as unknown as http.OutgoingHttpHeaders)
  response.end(body, 'latin1')
}

/** RFC 9110 §9.3.8: a TRACE must not show what is secret. */
const SECRET: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization'])

function fieldLines(fields: RawFields): string {
  let lines = ''
  for (let i = 0; i < fields.length; i += 2) {
    if (!SECRET.has(fields[i]!.toLowerCase())) lines += `${fields[i]}: ${fields[i + 1]}\r\n`
  }
  return lines
}

/** For a person who opens the proxy's own address in a browser, or a program that takes it for a server. */
export function usagePage(address: string, leadsTo?: 'containers'): string {
  if (leadsTo === 'containers') {
    return [
      'This is Fairlead’s way to containers. It leads to them by their names and addresses, and nowhere else.',
      '',
      '    docker ps --format "{{.Names}}"',
      `    curl -x http://${address} http://CONTAINER/`,
      `    curl -x socks5h://${address} http://SERVICE.PROJECT:8080/`,
      '',
      `In a browser, set "SOCKS5 host" to ${address}, with names resolved by the proxy.`,
      '',
    ].join('\n')
  }
  return [
    'This is Fairlead, a proxy. It fetches nothing by being opened like a web site.',
    '',
    'Give its address to your programs instead:',
    '',
    `    export http_proxy=http://${address} https_proxy=http://${address}`,
    `    curl -x http://${address} https://example.org/`,
    '',
    `In a browser, set "HTTP proxy" and "HTTPS proxy" to ${address}.`,
    '',
  ].join('\n')
}
