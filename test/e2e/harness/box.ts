import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CORP, CORP_IPV6 } from './lab.ts'
import type { Finished } from './processes.ts'
import type { Scenario } from './scenario.ts'

export const BRIDGE = 'boxes'
export const BOX = { ipv4: '10.77.5.2', ipv6: 'fd77:5::2' } as const
export const BRIDGE_ADDRESS = '10.77.5.1'
const BRIDGE_ADDRESSES = [`${BRIDGE_ADDRESS}/24`, 'fd77:5::1/64'] as const

/**
 * A container in all that counts here: a network namespace behind a bridge of the gateway's host, which does not forward. It knows names, has a
 * default route, and knows nothing of proxies.
 */
export interface Box {
  run(argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<Finished>
  /** One TCP connection, byte by byte. */
  talk(host: string, port: number, script: Talk): Promise<Talked>
  /** A machine that has the box for a router, over a cable that carries less than the others do; taken away by `remove`. */
  startBehind(): Pick<Box, 'run'> & { remove(): void }
}

export interface Talk {
  /** Sent one after the other, each after a pause of `pauseMs`. */
  readonly say?: readonly (string | Buffer)[]
  readonly pauseMs?: number
  /** Send FIN after that. */
  readonly end?: boolean
  /** The client's own; default: any. */
  readonly localPort?: number
  /** Stop listening after this much, ms. Default 3000, or 15000 where there is an `enough`. */
  readonly limitMs?: number
  /** Enough when this many bytes have come. */
  readonly enough?: number
}

export interface Talked {
  readonly connectMs?: number
  readonly firstByteMs?: number
  /** The first 4096 bytes. */
  readonly heard: string
  /** `ECONNREFUSED` and the like. */
  readonly error?: string
  readonly ended: boolean
}

export async function startBox(scenario: Scenario): Promise<Box> {
  const name = `${scenario.lab.id}-box`
  const etc = join('/etc/netns', name)
  const gateway = scenario.lab.namespaces.gateway
  const on = (namespace: string, ...args: string[]) => ip(['-n', namespace, ...args])
  scenario.undo.push('box', () => {
    rmSync(etc, { recursive: true, force: true })
    ip(['netns', 'delete', name])
    on(gateway, 'link', 'delete', BRIDGE)
  })
  mkdirSync(etc, { recursive: true })
  const hosts = Object.entries(CORP).map(([host, address]) => `${address} ${host}\n`)
  writeFileSync(join(etc, 'hosts'), `127.0.0.1 localhost\n${hosts.join('')}${CORP_IPV6['origin.test']} origin6.test\n`)
  writeFileSync(join(etc, 'resolv.conf'), 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n')
  ip(['netns', 'add', name])
  on(gateway, 'link', 'add', BRIDGE, 'type', 'bridge')
  ip(['-n', gateway, 'link', 'add', 'boxport', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name])
  on(gateway, 'link', 'set', 'boxport', 'master', BRIDGE, 'up')
  for (const address of BRIDGE_ADDRESSES) on(gateway, 'address', 'add', address, 'dev', BRIDGE, ...nodad(address))
  on(gateway, 'link', 'set', BRIDGE, 'up')
  on(name, 'link', 'set', 'lo', 'up')
  for (const address of [`${BOX.ipv4}/24`, `${BOX.ipv6}/64`]) {
    on(name, 'address', 'add', address, 'dev', 'eth0', ...nodad(address))
  }
  on(name, 'link', 'set', 'eth0', 'up')
  on(name, 'route', 'add', 'default', 'via', '10.77.5.1')
  on(name, '-6', 'route', 'add', 'default', 'via', 'fd77:5::1')

  const run: Box['run'] = (argv, env = {}) =>
    scenario.run('gateway', argv, { env, wrap: (inner) => ['ip', 'netns', 'exec', name, ...inner] })
  return {
    run,
    async talk(host, port, talk) {
      const { say = [], pauseMs = 0, end = false, enough = 0, localPort } = talk
      const limitMs = talk.limitMs ?? (enough > 0 ? 15_000 : 3_000)
      const parts = say.map((part) => Buffer.from(part).toString('base64'))
      const options = JSON.stringify({ host, port, localPort, parts, pauseMs, end, limitMs, enough })
      const done = await run(['node', '-e', TALK, options])
      if (done.code !== 0) throw new Error(done.stderr)
      return JSON.parse(done.stdout) as Talked
    },
    startBehind() {
      const behind = `${scenario.lab.id}-behind`
      const blocks = [
        ['10.77.7.0/24', BOX.ipv4, '10.77.7.1', '10.77.7.2'],
        ['fd77:7::/64', BOX.ipv6, 'fd77:7::1', 'fd77:7::2'],
      ] as const
      const remove = () => {
        for (const [block] of blocks) on(gateway, 'route', 'delete', block)
        for (const setting of FORWARDS) ip(['netns', 'exec', name, 'sysctl', '-qw', `${setting}=0`])
        ip(['netns', 'delete', behind])
      }
      ip(['netns', 'add', behind])
      ip(['-n', name, 'link', 'add', 'inner', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', behind])
      // On the router's side only: the machine itself does not know, and asks for whole packets.
      on(name, 'link', 'set', 'inner', 'mtu', String(LEAST_MTU), 'up')
      on(behind, 'link', 'set', 'eth0', 'up')
      for (const setting of FORWARDS) ip(['netns', 'exec', name, 'sysctl', '-qw', `${setting}=1`])
      for (const [block, router, inner, own] of blocks) {
        const bits = block.slice(block.indexOf('/'))
        on(name, 'address', 'add', inner + bits, 'dev', 'inner', ...nodad(inner))
        on(behind, 'address', 'add', own + bits, 'dev', 'eth0', ...nodad(own))
        on(behind, 'route', 'add', 'default', 'via', inner)
        on(gateway, 'route', 'add', block, 'via', router)
      }
      return {
        run: (argv, env = {}) =>
          scenario.run('gateway', argv, { env, wrap: (inner) => ['ip', 'netns', 'exec', behind, ...inner] }),
        remove,
      }
    },
  }
}

/** Bytes of the largest packet that every link of IPv6 carries (RFC 8200 §5). */
const LEAST_MTU = 1280
const FORWARDS = ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding']

/** Runs in the box: everything in one line, for `node -e` starts quickly. */
const TALK = `
const { host, port, localPort, parts, pauseMs, end, limitMs, enough } = JSON.parse(process.argv[1])
const began = performance.now()
const told = { heard: '', ended: false }
const heard = []
let length = 0
const socket = require('node:net').connect({ host, port, localPort, allowHalfOpen: true })
const finish = () => {
  told.heard = Buffer.concat(heard).subarray(0, 4096).toString('latin1')
  process.stdout.write(JSON.stringify(told), () => process.exit(0))
}
setTimeout(finish, limitMs)
socket.on('error', (error) => { told.error = error.code; finish() })
socket.on('connect', async () => {
  told.connectMs = performance.now() - began
  for (const part of parts) {
    socket.write(Buffer.from(part, 'base64'))
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  if (end) socket.end()
})
socket.on('data', (chunk) => {
  told.firstByteMs ??= performance.now() - began
  heard.push(chunk)
  length += chunk.length
  if (enough > 0 && length >= enough) finish()
})
socket.on('end', () => { told.ended = true; finish() })
`

function nodad(address: string): string[] {
  return address.includes(':') ? ['nodad'] : []
}

function ip(args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
