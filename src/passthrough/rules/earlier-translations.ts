import { setImmediate } from 'node:timers/promises'
import { GatewayError } from '../../contracts/gateway-error.ts'
import { interfaceAddresses } from '../../system/interface-addresses.ts'
import { close } from '../../system/linux/descriptors.ts'
import { errno } from '../../system/linux/libc.ts'
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  MSG_DONTWAIT,
  NETLINK_NETFILTER,
  SOCK_CLOEXEC,
  SOCK_RAW,
} from '../../system/linux/socket-numbers.ts'
import { receive, send, socket } from '../../system/linux/sockets.ts'
import { decodeMessages, type Received } from '../netlink.ts'
import { type CapturePlan, takenUdp } from './capture-plan.ts'
import { inMembers } from './set-members.ts'
import { deletion, isEnd, listing, type Translation, translation } from './translation-messages.ts'

/** Bytes of one datagram of a list: the kernel fills what it is given, 32 KiB at most. */
const LISTED_BYTES = 32 * 1024
const REPLY_BYTES = 4096
const ENOENT = -2

/**
 * Datagrams that a container sent before its packets came to us may be under a translation of the engine's (masquerading), which lives for as long as it speaks: what
 * we then take comes in the host's name, and no rule for the container holds for it. So those translations are forgotten by the kernel (nf_conntrack_netlink,
 * CAP_NET_ADMIN) once the rules stand, and made no more. The rules drop what is still under one. Rejects with the kernel's errno.
 */
export async function forgetTranslations(plan: CapturePlan): Promise<void> {
  const taken = takenUdp(plan)
  if (taken !== 'all' && taken.ports.length + taken.addresses.length === 0) return
  const isClients = inMembers([...plan.sources, ...plan.own, ...blocksOf(plan.interfaces)])
  const isOwn = inMembers(plan.own)
  const isTaken = ({ source, target, port }: Translation) =>
    isClients(source) &&
    !isOwn(target) &&
    (taken === 'all' || taken.ports.includes(port) || taken.addresses.includes(target))
  // One to list and one to delete: what is said about a deletion would come between two parts of a list.
  await withSocket((lists) =>
    withSocket(async (deletions) => {
      for (const version of [AF_INET, AF_INET6]) {
        for await (const messages of list(lists, version)) {
          const found = messages.map(translation).filter((entry) => entry !== undefined)
          for (const entry of found) if (isTaken(entry)) forget(deletions, version, entry)
        }
      }
    }),
  )
}

async function withSocket(use: (fd: number) => Promise<void>): Promise<void> {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)
  if (fd < 0) throw failed(-errno())
  try {
    await use(fd)
  } finally {
    close(fd)
  }
}

/** All that the kernel tracks, some hundred at a time, with other work in between. */
async function* list(fd: number, version: number): AsyncGenerator<Received[]> {
  ask(fd, listing(version))
  const bytes = Buffer.alloc(LISTED_BYTES)
  for (;;) {
    const messages = hear(fd, bytes)
    yield messages
    if (messages.some(isEnd)) return
    await setImmediate()
  }
}

function forget(fd: number, version: number, entry: Translation): void {
  ask(fd, deletion(version, entry))
  hear(fd, Buffer.alloc(REPLY_BYTES))
}

function ask(fd: number, message: Buffer): void {
  if (send(fd, message, message.length, 0) < 0) throw failed(-errno())
}

/**
 * Does not wait: the kernel answers netlink before `send` returns, and goes on with a list whenever it is read. Throws what it refuses, but for an
 * entry that has ended by itself meanwhile.
 */
function hear(fd: number, bytes: Buffer): Received[] {
  const length = receive(fd, bytes, bytes.length, MSG_DONTWAIT)
  if (length < 0) throw failed(-errno())
  const messages = decodeMessages(bytes.subarray(0, length))
  const refused = messages.find(({ error }) => error !== undefined && error !== 0 && error !== ENOENT)
  if (refused) throw failed(refused.error!)
  return messages
}

/** The networks that an interface has an address of. */
function blocksOf(interfaces: readonly string[]): string[] {
  return interfaceAddresses().flatMap(({ device, address, bits }) =>
    interfaces.includes(device) ? `${address}/${bits}` : [],
  )
}

function failed(code: number): GatewayError {
  return new GatewayError(
    'INTERNAL',
    `capture: the kernel does not forget how it translated datagrams (error ${code})`,
    {
      hint: 'Load the module nf_conntrack_netlink.',
    },
  )
}
