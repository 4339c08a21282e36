import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Resolver } from '../contracts/resolver.ts'
import { type Gateway, startGateway } from '../gateway/gateway.ts'
import { createLog } from '../observe/log.ts'
import { loadSettings } from '../settings/load.ts'
import { EXIT } from './exit-code.ts'
import type { Io } from './io.ts'

/** The demo's names. RFC 2606 keeps `.example` free, and here all of them are this machine. */
const everythingIsHere: Resolver = {
  resolve: async () => [{ address: '127.0.0.1', family: 4 }],
}

interface Ports {
  readonly http: number
  readonly socks: number
  /** Nothing listens here. */
  readonly dead: number
}

function pacScript({ http, socks, dead }: Ports): string {
  return `
function FindProxyForURL(url, host) {
  if (dnsDomainIs(host, "intranet.example"))    return "DIRECT";
  if (shExpMatch(host, "registry*.example"))    return "PROXY 127.0.0.1:${http}";
  if (host == "git.example")                    return "SOCKS5 127.0.0.1:${socks}";
  if (dnsDomainIs(host, "mirror.example"))      return "PROXY 127.0.0.1:${dead}; SOCKS5 127.0.0.1:${socks}";
  return "PROXY reject.fairlead.internal:1";
}`
}

type Client = (host: string, origin: number, door: number) => Promise<string>

interface Asked {
  readonly host: string
  readonly speaks: string
  readonly client: Client
  /** What the PAC file must make of it; else the demo has failed. */
  readonly way: RegExp
}

/** What is asked, and how the client speaks to the gateway. */
const REQUESTS: readonly Asked[] = [
  { host: 'wiki.intranet.example', speaks: 'HTTP', client: getPlain, way: /^direct$/ },
  { host: 'registry-1.example', speaks: 'CONNECT', client: getThroughConnect, way: /^http:/ },
  { host: 'git.example', speaks: 'SOCKS5', client: getThroughSocks, way: /^socks5:/ },
  { host: 'mirror.example', speaks: 'HTTP', client: getPlain, way: /^http:.* failed, socks5:/ },
  { host: 'ads.example', speaks: 'CONNECT', client: getThroughConnect, way: /^rejected$/ },
]

/** `fairlead demo`: everything in this process, on free ports of loopback. */
export async function runDemo(io: Io): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-demo-'))
  const gateways: Gateway[] = []
  const lines: FlowLine[] = []
  const origin = createServer((incoming, response) => response.end(`hello from ${incoming.headers.host}\n`))
  try {
    const start = async (name: string, settings: string, onLine?: (line: FlowLine) => void) => {
      const gateway = await startOne(join(folder, `${name}.yaml`), settings, io, onLine)
      gateways.push(gateway)
      return portOf(gateway)
    }
    const originPort = await listen(origin)
    const ports = {
      http: await start('http-upstream', 'listen: { mixed: "127.0.0.1:0" }'),
      socks: await start('socks-upstream', 'listen: { mixed: "127.0.0.1:0" }'),
      dead: await unusedPort(),
    }
    const script = pacScript(ports)
    const settings = { listen: { mixed: '127.0.0.1:0' }, proxy: { embeddedPac: script } }
    const door = await start('gateway', JSON.stringify(settings), (line) => lines.push(line))

    io.out(
      `\nA gateway on 127.0.0.1:${door}, an HTTP upstream on :${ports.http}, a SOCKS upstream on :${ports.socks},\n`,
    )
    io.out(`a web server on :${originPort}, and this PAC file:\n${script}\n\n`)
    const rows = [['request', 'asked by', 'way out', 'answer', 'because']]
    let asExpected = 0
    for (const { host, speaks, client, way } of REQUESTS) {
      const seen = lines.length
      const answer = await client(host, originPort, door)
      const line = await nextLine(lines, seen)
      const served = answer.startsWith('hello') || line.decision === 'reject'
      if (served && way.test(wayOf(line))) asExpected += 1
      rows.push([host, speaks, wayOf(line), firstLine(answer), firstLine(line.because?.detail ?? '')])
    }
    io.out(table(rows))
    io.out('\nThe fourth shows fail-over: the first proxy is dead, so the next candidate served.\n')
    io.out('The last was rejected by the PAC file; docker, curl and apt print that line.\n\n')
    return asExpected === REQUESTS.length ? EXIT.done : EXIT.failed
  } finally {
    origin.close()
    await Promise.all(gateways.map((gateway) => gateway.close()))
    await rm(folder, { recursive: true, force: true })
  }
}

/** As much of a flow's log line as the table shows. */
interface FlowLine {
  readonly msg: string
  readonly decision?: string
  readonly route?: string
  readonly because?: { readonly detail: string }
  readonly failedAttempts?: readonly { readonly route: string }[]
}

async function startOne(
  file: string,
  text: string,
  io: Io,
  onLine: (line: FlowLine) => void = () => {},
): Promise<Gateway> {
  await writeFile(file, text)
  const { settings } = await loadSettings({ file, cwd: io.cwd, env: io.env, platform: process.platform })
  const log = createLog(
    { level: 'info', format: 'json' },
    {
      write(text: string) {
        const line = JSON.parse(text) as FlowLine
        if (line.msg === 'flow') onLine(line)
      },
    },
  )
  const quiet = { ...settings, status: { listen: [] } }
  return startGateway({ settings: quiet, log, env: io.env, resolver: everythingIsHere })
}

function wayOf(line: FlowLine): string {
  if (line.decision === 'reject') return 'rejected'
  const failed = line.failedAttempts?.map((attempt) => `${attempt.route} failed, `) ?? []
  return failed.join('') + (line.route ?? '')
}

/** The line is written when the flow has ended, a moment after its answer has arrived. */
async function nextLine(lines: readonly FlowLine[], seen: number): Promise<FlowLine> {
  while (lines.length === seen) await new Promise((resolve) => setTimeout(resolve, 1))
  return lines[seen]!
}

function getPlain(host: string, origin: number, door: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const path = `http://${host}:${origin}/`
    const asked = request({ host: '127.0.0.1', port: door, path, headers: { host: `${host}:${origin}` }, agent: false })
    asked.on('response', (response) => void response.setEncoding('utf8').on('data', resolve).on('error', reject))
    asked.on('error', reject).end()
  })
}

function getThroughConnect(host: string, origin: number, door: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const path = `${host}:${origin}`
    const asked = request({
      host: '127.0.0.1',
      port: door,
      method: 'CONNECT',
      path,
      headers: { host: path },
      agent: false,
    })
    asked.on('connect', (response, socket) => {
      if (response.statusCode === 200) return resolve(getOver(socket as Socket, host))
      socket.destroy()
      resolve(`${response.statusCode} ${response.statusMessage}`)
    })
    asked.on('error', reject).end()
  })
}

/** RFC 1928: no authentication, CONNECT to a name; the answers are two and ten bytes. */
async function getThroughSocks(host: string, origin: number, door: number): Promise<string> {
  const socket = connect(door, '127.0.0.1')
  socket.on('error', () => {})
  const port = [origin >> 8, origin & 0xff]
  socket.write(Buffer.from([5, 1, 0, 5, 1, 0, 3, host.length, ...Buffer.from(host), ...port]))
  const reply = await readExactly(socket, 12)
  if (reply[3] === 0) return getOver(socket, host)
  socket.destroy()
  return `SOCKS reply ${reply[3]}`
}

function readExactly(socket: Socket, bytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let held = Buffer.alloc(0)
    const onData = (chunk: Buffer) => {
      held = Buffer.concat([held, chunk])
      if (held.length < bytes) return
      socket.off('data', onData)
      resolve(held)
    }
    socket.on('data', onData)
    socket.once('close', () => reject(new Error('the gateway closed the connection')))
  })
}

async function getOver(socket: Socket, host: string): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
  await once(socket, 'end')
  return (
    Buffer.concat(chunks)
      .toString('latin1')
      .split('\r\n\r\n')[1]
      ?.split('\r\n')
      .find((part) => part.startsWith('hello')) ?? ''
  )
}

async function listen(server: Server | ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function unusedPort(): Promise<number> {
  const server = createTcpServer()
  const port = await listen(server)
  server.close()
  await once(server, 'close')
  return port
}

function portOf(gateway: Gateway): number {
  const [address] = gateway.addresses
  return address?.kind === 'tcp' ? address.port : 0
}

/** Characters of a cell. */
const MAX_CELL = 110

function firstLine(text: string): string {
  const line = text.split(/\r?\n/, 1)[0]!
  return line.length > MAX_CELL ? `${line.slice(0, MAX_CELL)}…` : line
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
