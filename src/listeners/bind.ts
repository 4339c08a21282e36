import { once } from 'node:events'
import { chmod, lstat, unlink } from 'node:fs/promises'
import { type AddressInfo, connect, type Server } from 'node:net'
import { GatewayError } from '../contracts/gateway-error.ts'
import { BACKLOG } from '../system/lent-server.ts'
import { keepUrgentBytes } from '../system/urgent-in-place.ts'
import { formatListenAddress, type ListenAddress } from '../wire/listen-address.ts'

/** A gateway that drains gives up its doors at once, and where it is asked for its status at its end. */
const STILL_DRAINS = ' A gateway that still drains has it until it has ended.'
/** Whose address it is: what an error's advice names. */
type Key = 'listen' | 'status.listen'

/** Binds a server and answers the address as bound, or explains what stands in the way. */
export async function bind(server: Server, address: ListenAddress, key: Key = 'listen'): Promise<ListenAddress> {
  if (address.kind === 'unix') await removeStaleSocket(address.path)
  try {
    if (address.kind === 'unix') server.listen({ path: address.path, backlog: BACKLOG })
    // `exclusive` and `ipv6Only`: bind exactly what was asked for, so that `::` does not take the IPv4 port along.
    else server.listen({ host: address.host, port: address.port, ipv6Only: true, backlog: BACKLOG })
    await once(server, 'listening')
  } catch (cause) {
    throw cannotListen(address, key, cause as NodeJS.ErrnoException)
  }
  if (address.kind === 'unix') {
    await chmod(address.path, address.mode)
    return address
  }
  keepUrgentBytes(server)
  return { ...address, port: (server.address() as AddressInfo).port }
}

/** A socket file that refuses is left over from a process that died; anything else at the path is somebody's and stays, one too that cannot be asked now, for want of descriptors, say. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (!found?.isSocket()) return
  const probe = connect(path)
  const refused = await new Promise<boolean>((resolve) => {
    probe.once('connect', () => resolve(false))
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'))
  })
  probe.destroy()
  // Whose it was may have taken it away meanwhile.
  if (refused) await unlink(path).catch(() => {})
}

function cannotListen(address: ListenAddress, key: Key, cause: NodeJS.ErrnoException): GatewayError {
  const where = formatListenAddress(address)
  const [what, hint] = ((): [string, string] => {
    switch (cause.code) {
      case 'EADDRINUSE':
        return [
          'another program is listening there',
          `Stop it, or choose another address under \`${key}\`.${key === 'listen' ? '' : STILL_DRAINS}`,
        ]
      case 'EACCES':
        return ['not permitted', 'Ports below 1024 need a privilege; a socket path needs a writable directory.']
      case 'EADDRNOTAVAIL':
        return [
          'this machine has no such address',
          'Listen on an address of this machine. That of an engine’s bridge is there once the engine runs: start the gateway after it (After=docker.service).',
        ]
      case 'ENOENT':
        return ['the directory does not exist', 'Create it, or choose another path.']
      default:
        return [cause.message, 'See the system’s message.']
    }
  })()
  return new GatewayError('INTERNAL', `cannot listen on ${where}: ${what}`, { cause, hint })
}
