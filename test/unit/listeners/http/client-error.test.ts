import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t, { type Test } from 'tap'
import { explainClientError } from '../../../../src/listeners/http/client-error.ts'

const thrown = (code: string, more: object = {}) => Object.assign(new Error('Parse Error'), { code, ...more })

t.test('parser and socket errors in words', async (t) => {
  const rows: ReadonlyArray<readonly [code: string, more: object, status: number | undefined, words: RegExp]> = [
    ['ECONNRESET', {}, undefined, /./],
    ['EPIPE', {}, undefined, /./],
    ['ERR_HTTP_REQUEST_TIMEOUT', {}, 408, /in time/],
    ['HPE_HEADER_OVERFLOW', {}, 431, /too large/],
    ['HPE_INVALID_EOF_STATE', {}, 400, /in the middle/],
    ['HPE_INVALID_URL', {}, 400, /percent-encoded/],
    [
      'HPE_INVALID_METHOD',
      { reason: 'Invalid method\r\nencountered' },
      400,
      /well-formed HTTP: Invalid method encountered$/,
    ],
    [
      'HPE_INVALID_METHOD',
      { rawPacket: Buffer.from('FROB http://a.test/ HTTP/1.1\r\n'), bytesParsed: 1 },
      501,
      /the method FROB is not carried/,
    ],
    [
      'HPE_INVALID_METHOD',
      { rawPacket: Buffer.from('FR{B http://a.test/ HTTP/1.1\r\n'), bytesParsed: 1 },
      400,
      /not well-formed/,
    ],
    ['HPE_INVALID_METHOD', { rawPacket: Buffer.from([0x16, 3, 1]) }, 400, /began with TLS/],
    ['HPE_INVALID_METHOD', { rawPacket: Buffer.from('PRI * HTTP/2.0') }, 400, /HTTP\/2/],
  ]
  for (const [code, more, status, words] of rows) {
    const explained = explainClientError(thrown(code, more))
    t.equal(explained?.status, status, code)
    if (explained) t.match(explained.error.message, words)
  }
})

/** What Node's own parser says of these bytes. */
async function explained(t: Test, sent: string) {
  const server = createServer((request, response) => void request.resume().once('end', () => response.end()))
  const failed = new Promise<Error>((resolve) =>
    server.once('clientError', (thrown, socket) => {
      socket.destroy()
      resolve(thrown)
    }),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => {}).resume()
  t.teardown(() => client.destroy())
  client.write(sent)
  const { status, error } = explainClientError(await failed)!
  return `${status} ${error.message}`
}

t.test('what is wrong is said of the request that is wrong, not of the first in the same read', async (t) => {
  const head = (method: string, more = '') => `${method} http://a.test/ HTTP/1.1\r\nhost: a.test\r\n${more}\r\n`
  const first = head('GET')
  const malformed = /^400 the request is not well-formed HTTP/
  const rows: ReadonlyArray<readonly [sent: string, said: RegExp]> = [
    [head('FROB'), /^501 the method FROB is not carried$/],
    [head('PATCHWORK'), /^501 the method PATCHWORK is not carried$/],
    [`\r\n${head('frob')}`, /^501 the method frob is not carried$/],
    [`${first}${head('FROB')}`, /^501 the method FROB is not carried$/],
    [`${head('POST', 'content-length: 4\r\n')}a=b\n${head('FROB')}`, /^501 the method FROB is not carried$/],
    [`${first}\x01\x02`, malformed],
    [`${first}junk\r\n`, malformed],
    [`${head('POST', 'content-length: 3\r\n')}longer`, malformed],
  ]
  for (const [sent, said] of rows) t.match(await explained(t, sent), said, JSON.stringify(sent))
})
