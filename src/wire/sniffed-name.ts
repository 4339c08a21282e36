import { readClientHello } from './client-hello.ts'
import { parseHost } from './host.ts'
import { TextError } from './text-error.ts'

/** What the first bytes of a connection tell of where it is meant to go. */
export type Sniffed =
  | { readonly kind: 'more' }
  /** Something else, or something without a name. */
  | { readonly kind: 'nameless'; readonly protocol?: 'tls' | 'http' | 'h2c' }
  | {
      readonly kind: 'name'
      readonly protocol: 'tls' | 'http'
      /** Canonical, as in `Target.host`. */
      readonly name: string
      /** Said by the client in a form that is not meant for the server alone: TLS with Encrypted ClientHello. */
      readonly hint?: boolean
    }

/**
 * Bytes looked at: one record of the largest size, for a hello that resumes with a large ticket, or three thousand of one byte each, for one with post-quantum
 * key shares that is cut as small as that.
 */
export const SNIFF_BYTES = 18 * 1024
/** The same of HTTP: a Host field stands first in its head nearly always. */
const HTTP_BYTES = 8 * 1024

const NAMELESS: Sniffed = { kind: 'nameless' }
const MORE: Sniffed = { kind: 'more' }
/** RFC 9113 §3.4 */
const H2_PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
/** A method and the blank behind it: upper-case in every method that there is (RFC 9110 §16.1), and never long. */
const METHOD = /^[A-Z][A-Z-]{0,23}(?: |$)/
const LATIN1_CHARS = 4096

/** Looks at what a client has sent so far, which is left as it is. Never throws. */
export function sniffName(bytes: Uint8Array): Sniffed {
  if (bytes.length === 0) return MORE
  if (bytes[0] === 22) {
    const hello = readClientHello(bytes)
    if (hello.kind === 'more') return bytes.length >= SNIFF_BYTES ? { kind: 'nameless', protocol: 'tls' } : MORE
    if (hello.kind === 'other') return NAMELESS
    const name = hello.serverName === undefined ? undefined : nameIn(hello.serverName)
    if (name === undefined) return { kind: 'nameless', protocol: 'tls' }
    return { kind: 'name', protocol: 'tls', name, ...(hello.encrypted ? { hint: true } : {}) }
  }
  return sniffHttp(latin1(bytes.subarray(0, HTTP_BYTES)), bytes.length >= HTTP_BYTES)
}

function sniffHttp(text: string, full: boolean): Sniffed {
  if (!METHOD.test(text.slice(0, 26))) return NAMELESS
  if (text.startsWith('PRI ')) {
    if (text.startsWith(H2_PREFACE)) return { kind: 'nameless', protocol: 'h2c' }
    return H2_PREFACE.startsWith(text) && !full ? MORE : NAMELESS
  }
  const lineEnd = text.indexOf('\n')
  if (lineEnd < 0) return full ? NAMELESS : MORE
  const requestLine = /^[A-Z-]+ (\S+) HTTP\/1\.[01]\r?$/.exec(text.slice(0, lineEnd))
  if (!requestLine) return NAMELESS
  const nameless: Sniffed = { kind: 'nameless', protocol: 'http' }
  // In absolute-form and for CONNECT the client speaks to a proxy: the name is not that of what it has dialled.
  if (!/^[/*]/.test(requestLine[1]!)) return nameless
  const head = text.slice(lineEnd + 1)
  const field = /^host:[ \t]*([^\r\n]*?)[ \t]*\r?\n/im.exec(headOnly(head))
  if (!field) return full || hasEnded(head) ? nameless : MORE
  const name = nameIn(field[1]!.replace(/:\d*$/, ''))
  return name === undefined ? nameless : { kind: 'name', protocol: 'http', name }
}

const END_OF_HEAD = /^\r?\n|\n\r?\n/
function hasEnded(head: string): boolean {
  return END_OF_HEAD.test(head)
}

/** What stands before the empty line: a Host in a body is none. */
function headOnly(head: string): string {
  const end = END_OF_HEAD.exec(head)
  return end ? head.slice(0, end.index + 1) : head
}

/** Only names: an address says nothing that the dialled one does not say better. */
function nameIn(text: string): string | undefined {
  try {
    const { host, family } = parseHost(text)
    return family === 0 ? host : undefined
  } catch (error) {
    if (error instanceof TextError) return undefined
    throw error
  }
}

function latin1(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += LATIN1_CHARS) {
    text += String.fromCharCode(...bytes.subarray(at, at + LATIN1_CHARS))
  }
  return text
}
