import { connect, isIPv4, isIPv6, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Ways to ask a proxy for a tunnel, written out byte by byte: no client library between the test and the door. */
export const TUNNEL_KINDS = ['connect', 'socks4', 'socks4a', 'socks5'] as const
export type TunnelKind = (typeof TUNNEL_KINDS)[number]

export interface ProxyAddress {
  readonly host?: string
  readonly port?: number
  /** A UNIX socket instead. */
  readonly path?: string
  readonly tls?: { readonly ca: string; readonly servername: string }
  readonly user?: { readonly name: string; readonly password: string }
}

/** The proxy said no. `said` is its status line, or its SOCKS reply code. */
export class Refused extends Error {
  readonly said: string
  constructor(said: string) {
    super(`the proxy refused: ${said}`)
    this.said = said
  }
}

const HEAD_LIMIT_BYTES = 64 * 1024
const TIMEOUT_MS = 15_000

/** A stream to the target, with whatever the far side said first still to be read. Half-open. */
export async function openTunnel(kind: TunnelKind, proxy: ProxyAddress, host: string, port: number): Promise<Socket> {
  const socket = await open(proxy)
  const timer = setTimeout(() => socket.destroy(new Error(`no answer from the proxy in ${TIMEOUT_MS} ms`)), TIMEOUT_MS)
  try {
    if (kind === 'connect') await httpConnect(socket, proxy, host, port)
    else if (kind === 'socks5') await socks5(socket, proxy, host, port)
    else await socks4(socket, host, port)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function open(proxy: ProxyAddress): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const plain = proxy.path
      ? connect({ path: proxy.path, allowHalfOpen: true })
      : connect({ host: proxy.host!, port: proxy.port!, allowHalfOpen: true })
    const socket = proxy.tls ? connectTls({ socket: plain, allowHalfOpen: true, ...proxy.tls } as object) : plain
    plain.once('error', reject)
    socket.once('error', reject)
    socket.once(proxy.tls ? 'secureConnect' : 'connect', () => {
      socket.off('error', reject)
      socket.on('error', () => undefined)
      resolve(socket)
    })
  })
}

async function httpConnect(socket: Socket, { user }: ProxyAddress, host: string, port: number): Promise<void> {
  const authority = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
  const basic = user && Buffer.from(`${user.name}:${user.password}`).toString('base64')
  socket.write(
    `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${basic ? `Proxy-Authorization: Basic ${basic}\r\n` : ''}\r\n`,
  )
  const head = await readUntil(socket, (bytes) => {
    const end = bytes.indexOf('\r\n\r\n')
    return end < 0 ? undefined : end + 4
  })
  const status = head.toString('latin1').split('\r\n')[0] ?? ''
  if (!/^HTTP\/1\.[01] 2\d\d/.test(status)) throw new Refused(status)
}

async function socks5(socket: Socket, { user }: ProxyAddress, host: string, port: number): Promise<void> {
  socket.write(Buffer.from(user ? [5, 1, 2] : [5, 1, 0]))
  const method = await readExactly(socket, 2)
  if (method[1] === 0xff) throw new Refused('no acceptable method')
  if (method[1] === 2 && user) {
    const name = Buffer.from(user.name)
    const password = Buffer.from(user.password)
    socket.write(Buffer.concat([Buffer.from([1, name.length]), name, Buffer.from([password.length]), password]))
    const verdict = await readExactly(socket, 2)
    if (verdict[1] !== 0) throw new Refused('wrong user or password')
  }
  socket.write(Buffer.concat([Buffer.from([5, 1, 0]), socks5Address(host), portBytes(port)]))
  const reply = await readExactly(socket, 4)
  if (reply[1] !== 0) throw new Refused(`reply ${reply[1]}`)
  const bound = reply[3] === 1 ? 4 : reply[3] === 4 ? 16 : (await readExactly(socket, 1))[0]!
  await readExactly(socket, bound + 2)
}

async function socks4(socket: Socket, host: string, port: number): Promise<void> {
  const name = isIPv4(host) ? Buffer.alloc(0) : Buffer.from(`${host}\0`)
  const address = isIPv4(host) ? ipv4Bytes(host) : Buffer.from([0, 0, 0, 1])
  socket.write(Buffer.concat([Buffer.from([4, 1]), portBytes(port), address, Buffer.from('e2e\0'), name]))
  const reply = await readExactly(socket, 8)
  if (reply[1] !== 90) throw new Refused(`reply ${reply[1]}`)
}

function socks5Address(host: string): Buffer {
  if (isIPv4(host)) return Buffer.concat([Buffer.from([1]), ipv4Bytes(host)])
  if (isIPv6(host)) return Buffer.concat([Buffer.from([4]), ipv6Bytes(host)])
  return Buffer.concat([Buffer.from([3, host.length]), Buffer.from(host)])
}

function ipv4Bytes(host: string): Buffer {
  return Buffer.from(host.split('.').map(Number))
}

function ipv6Bytes(host: string): Buffer {
  const [left = '', right] = host.split('::')
  const words = (text: string) =>
    text
      .split(':')
      .filter(Boolean)
      .map((word) => Number.parseInt(word, 16))
  const front = words(left)
  const back = right === undefined ? [] : words(right)
  const all = [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back]
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 0xff]))
}

function portBytes(port: number): Buffer {
  return Buffer.from([port >> 8, port & 0xff])
}

export function readExactly(socket: Socket, length: number): Promise<Buffer> {
  return readUntil(socket, (bytes) => (bytes.length >= length ? length : undefined))
}

export async function readLine(socket: Socket): Promise<string> {
  const line = await readUntil(socket, (bytes) => {
    const end = bytes.indexOf('\n')
    return end < 0 ? undefined : end + 1
  })
  return line.toString().trimEnd()
}

/** Reads until `enough` names a length, and leaves the rest to the next reader. */
function readUntil(socket: Socket, enough: (bytes: Buffer) => number | undefined): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0)
    const finish = (settle: () => void) => {
      socket.off('readable', read).off('end', ended).off('error', failed).off('close', ended)
      settle()
    }
    const read = () => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
        bytes = Buffer.concat([bytes, chunk as Buffer])
        const length = enough(bytes)
        if (length !== undefined) {
          if (bytes.length > length) socket.unshift(bytes.subarray(length))
          const found = bytes.subarray(0, length)
          return finish(() => resolve(found))
        }
        if (bytes.length > HEAD_LIMIT_BYTES) return finish(() => reject(new Error('the answer has no end')))
      }
    }
    const ended = () => finish(() => reject(new Error(`closed after ${JSON.stringify(bytes.toString('latin1'))}`)))
    const failed = (error: Error) => finish(() => reject(error))
    socket.on('readable', read).once('end', ended).once('error', failed).once('close', ended)
    read()
  })
}

/** Everything until the far side's FIN. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  return new Promise((resolve, reject) => {
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.once('end', () => resolve(Buffer.concat(chunks)))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error(`closed without FIN after ${Buffer.concat(chunks).length} bytes`)))
  })
}
