/** How a client asks its proxy for a target: what it sends, and how long each answer is. */
export type Door = 'direct' | 'http' | 'socks5'

export interface Step {
  readonly send: Buffer
  /** Bytes of the complete answer in `got`, 0 if it is not complete yet; throws if it is a refusal. */
  answer(got: Buffer): number
}

/** The conversation that opens a tunnel to the IPv4 address and port. */
export function handshake(door: Door, port: number, host = '127.0.0.1'): readonly Step[] {
  if (door === 'direct') return []
  if (door === 'http') {
    const authority = `${host}:${port}`
    return [{ send: Buffer.from(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`), answer: httpAnswer }]
  }
  const request = Buffer.from([5, 1, 0, 1, ...host.split('.').map(Number), port >> 8, port & 255])
  return [
    { send: Buffer.from([5, 1, 0]), answer: (got) => socksAnswer(got, 2, 0) },
    { send: request, answer: (got) => (got.length < 5 ? 0 : socksAnswer(got, got[3] === 4 ? 22 : 10, 0)) },
  ]
}

function httpAnswer(got: Buffer): number {
  const end = got.indexOf('\r\n\r\n')
  if (end < 0) return 0
  const head = got.toString('latin1', 0, end)
  if (!/^HTTP\/1\.[01] 200/.test(head)) throw new Error(`refused: ${head.split('\r\n')[0]}`)
  return end + 4
}

function socksAnswer(got: Buffer, bytes: number, ok: number): number {
  if (got.length < bytes) return 0
  if (got[1] !== ok) throw new Error(`refused: SOCKS reply ${got[1]}`)
  return bytes
}
