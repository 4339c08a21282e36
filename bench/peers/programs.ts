import { chmodSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Door } from '../load/handshake.ts'
import { freePort, onPath, type Peer, type Place, startProgram, TUNNELS } from './peer.ts'

/** The programs that people use instead, each as its package brings it: one configuration, access logs off, like Fairlead's here. */
interface Recipe {
  readonly name: string
  readonly program: string
  readonly packages: readonly string[]
  readonly doors: readonly Door[]
  readonly only?: readonly string[]
  configuration?(place: Place, ports: readonly number[]): string
  arguments(file: string, ports: readonly number[]): string[]
}

const RECIPES: readonly Recipe[] = [
  {
    name: 'squid',
    program: 'squid',
    packages: ['squid-openssl'], // what the end-to-end tests have; it and `squid` exclude each other, and both bring the program
    doors: ['http'],
    configuration: ({ folder }, [port]) => `
http_port 127.0.0.1:${port}
http_access allow all
cache deny all
access_log none
cache_log ${folder}/squid.log
pid_filename ${folder}/squid.pid
coredump_dir ${folder}
visible_hostname bench
max_filedescriptors 65536
pinger_enable off
shutdown_lifetime 0 seconds
`,
    // Named, for what it shares in /dev/shm is found by that: another one on this machine may have the usual one.
    arguments: (file) => ['-N', '-n', `bench${process.pid}`, '-f', file],
  },
  {
    name: 'tinyproxy',
    program: 'tinyproxy',
    packages: ['tinyproxy-bin'],
    doors: ['http'],
    configuration: ({ folder }, [port]) => `
Port ${port}
Listen 127.0.0.1
Timeout 600
MaxClients 20000
LogLevel Critical
LogFile "${folder}/tinyproxy.log"
`,
    arguments: (file) => ['-d', '-c', file],
  },
  {
    name: 'dante',
    program: 'danted',
    packages: ['dante-server'],
    doors: ['socks5'],
    configuration: ({ folder }, [port]) => `
logoutput: ${folder}/danted.log
internal: 127.0.0.1 port = ${port}
external: 127.0.0.1
socksmethod: none
clientmethod: none
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
`,
    arguments: (file) => ['-f', file, '-p', `${file}.pid`],
  },
  {
    name: 'microsocks',
    program: 'microsocks',
    packages: ['microsocks'],
    doors: ['socks5'],
    arguments: (_file, [port]) => ['-i', '127.0.0.1', '-p', String(port)],
  },
  {
    name: 'v2ray',
    program: 'v2ray',
    packages: ['v2ray'],
    doors: ['http', 'socks5'],
    configuration: (_place, [http, socks]) =>
      JSON.stringify({
        log: { loglevel: 'none' },
        inbounds: [
          { listen: '127.0.0.1', port: http, protocol: 'http' },
          { listen: '127.0.0.1', port: socks, protocol: 'socks', settings: { auth: 'noauth' } },
        ],
        outbounds: [{ protocol: 'freedom' }],
      }),
    arguments: (file) => ['-config', file],
  },
  {
    name: 'haproxy (TCP relay)',
    program: 'haproxy',
    packages: ['haproxy'],
    doors: ['direct'],
    only: TUNNELS, // it reads no request
    configuration: ({ origin }, [port]) => `
global
  maxconn 7500
defaults
  mode tcp
  option splice-auto
  timeout connect 5s
  timeout client 600s
  timeout server 600s
listen relay
  bind 127.0.0.1:${port}
  server origin 127.0.0.1:${origin}
`,
    arguments: (file) => ['-db', '-f', file],
  },
]

export const programs: readonly Peer[] = RECIPES.map((recipe) => ({
  name: recipe.name,
  packages: recipe.packages,
  doors: recipe.doors,
  ...(recipe.only ? { only: recipe.only } : {}),
  available: () => onPath(recipe.program),
  async start(place) {
    const ports = await Promise.all(recipe.doors.map(freePort))
    const file = path.join(place.folder, 'configuration.json')
    writeFileSync(file, recipe.configuration?.(place, ports) ?? '')
    chmodSync(place.folder, 0o777)
    const doors = new Map(recipe.doors.map((door, index) => [door, ports[index]!]))
    return startProgram(recipe.program, recipe.arguments(file, ports), doors)
  },
}))
