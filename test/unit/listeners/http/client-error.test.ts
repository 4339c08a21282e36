import t from 'tap'
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
      { rawPacket: Buffer.from('FROB http://a.test/ HTTP/1.1\r\n') },
      501,
      /the method FROB is not carried/,
    ],
    ['HPE_INVALID_METHOD', { rawPacket: Buffer.from('FR{B http://a.test/ HTTP/1.1\r\n') }, 400, /not well-formed/],
    ['HPE_INVALID_METHOD', { rawPacket: Buffer.from([0x16, 3, 1]) }, 400, /began with TLS/],
    ['HPE_INVALID_METHOD', { rawPacket: Buffer.from('PRI * HTTP/2.0') }, 400, /HTTP\/2/],
  ]
  for (const [code, more, status, words] of rows) {
    const explained = explainClientError(thrown(code, more))
    t.equal(explained?.status, status, code)
    if (explained) t.match(explained.error.message, words)
  }
})
