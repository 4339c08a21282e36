import { GatewayError } from '../../contracts/gateway-error.ts'
import { cleanText } from '../../wire/clean-text.ts'

/** What Node's parser or timers complain of, as an error and a status. `undefined`: the client has gone, and nobody is left to tell. */
export function explainClientError(
  thrown: NodeJS.ErrnoException & { rawPacket?: Buffer; bytesParsed?: number; reason?: string },
): { readonly error: GatewayError; readonly status: number } | undefined {
  const guess = guessClient(thrown.rawPacket)
  switch (guess ? undefined : thrown.code) {
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ETIMEDOUT':
    case 'ERR_STREAM_WRITE_AFTER_END':
      return undefined
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { error: bad('the request head did not arrive in time'), status: 408 }
    case 'HPE_HEADER_OVERFLOW':
      return { error: bad('the request head is too large'), status: 431 }
    case 'HPE_INVALID_URL':
      return { error: bad('the request-target has a character that must be percent-encoded'), status: 400 }
    case 'HPE_INVALID_EOF_STATE':
      return { error: bad('the request ends in the middle'), status: 400 }
  }
  if (guess) return { error: bad(guess), status: 400 }
  const method = thrown.code === 'HPE_INVALID_METHOD' ? methodIn(thrown) : undefined
  if (method !== undefined) {
    // Any token is one (RFC 9110 §9.1), but Node's parser takes those of IANA's registry that it knows.
    return { error: new GatewayError('COMMAND_NOT_SUPPORTED', `the method ${method} is not carried`), status: 501 }
  }
  const reason = thrown.reason ?? thrown.message
  return { error: bad(`the request is not well-formed HTTP: ${cleanText(reason, 80)}`), status: 400 }
}

/** Of the request that the parser gave up in, which need not be the first in what was read. */
function methodIn({ rawPacket, bytesParsed = 0 }: { rawPacket?: Buffer; bytesParsed?: number }): string | undefined {
  if (!rawPacket) return undefined
  const begin = rawPacket.subarray(0, bytesParsed).lastIndexOf('\n') + 1
  const line = rawPacket.subarray(begin, begin + 8192).toString('latin1')
  return /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) [!-~]+ HTTP\/1\.[01]\r?\n/.exec(line)?.[1]
}

function bad(message: string): GatewayError {
  return new GatewayError('BAD_REQUEST', message)
}

/** The commonest things that arrive at a proxy's port without being HTTP. */
function guessClient(bytes: Buffer | undefined): string | undefined {
  if (bytes?.[0] === 0x16 && bytes[1] === 3) return 'this port speaks plain HTTP, and the client began with TLS'
  if (bytes?.subarray(0, 3).toString('latin1') === 'PRI')
    return 'this port speaks HTTP/1.1, and the client began with HTTP/2'
  return undefined
}
