import { promisify } from 'node:util'
import { brotliDecompress, inflateRaw, unzip } from 'node:zlib'
import { MAX_SCRIPT_BYTES } from './limits.ts'
import { clean } from './script-failure.ts'

/** Of servers that compress although they were asked not to. The text has the same limit as one that came plain. Rejects with an `Error` that says why. */
export async function decodeContent(bytes: Uint8Array, encoding = 'identity'): Promise<Uint8Array> {
  switch (encoding.trim().toLowerCase()) {
    case 'identity':
    case '':
      return bytes
    case 'gzip':
    case 'x-gzip':
      return limited(promisify(unzip)(bytes, LIMIT))
    case 'deflate':
      return limited(inflate(bytes))
    case 'br':
      return limited(promisify(brotliDecompress)(bytes, LIMIT))
    default:
      // `utf-8`, `none`: a mistake of the server's, which browsers overlook.
      if (!/compress|zstd|dc[bz]|gzip|deflate|br\b/i.test(encoding)) return bytes
      throw new Error(`the server sent it with Content-Encoding ${clean(encoding)}, expected none`)
  }
}

const LIMIT = { maxOutputLength: MAX_SCRIPT_BYTES }

/** With zlib's head (RFC 9110 §8.4.1.2), or bare (RFC 1951), as some servers send it and all browsers read it. */
function inflate(bytes: Uint8Array): Promise<Uint8Array> {
  return promisify(unzip)(bytes, LIMIT).catch((error: unknown) => {
    if (isTooLarge(error)) throw error
    return promisify(inflateRaw)(bytes, LIMIT).catch((bare: unknown) => {
      throw isTooLarge(bare) ? bare : error
    })
  })
}

function limited(text: Promise<Uint8Array>): Promise<Uint8Array> {
  return text.catch((error: unknown) => {
    throw isTooLarge(error)
      ? new Error(`the script is larger than ${MAX_SCRIPT_BYTES} bytes once it is decompressed`)
      : error
  })
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
}
