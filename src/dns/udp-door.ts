import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { interfaceAddresses } from '../system/interface-addresses.ts'
import { canSharePorts, sharePort } from '../system/share-port.ts'
import { isLinkLocal, isUnspecified } from '../wire/address.ts'
import { UdpQuestions, type UdpQuestionsOptions } from './udp-questions.ts'

export interface UdpDoorOptions extends UdpQuestionsOptions {
  /** The canonical address of whoever has sent something, as Node tells it; undefined: nobody who is answered. */
  admitted(from: string, port: number): string | undefined
  /** This machine's own, canonical. Default: those of its interfaces. */
  readonly localAddresses?: (() => readonly string[]) | undefined
}

/**
 * Below it, only who has the right to may listen (ip(7), CAP_NET_BIND_SERVICE). Such a port of a door at every address is shared with sockets at one
 * address: captured containers are answered from port 53 of the servers that they ask.
 */
const FIRST_OPEN_PORT = 1024
/** Milliseconds between looks at the machine's addresses: that of a network that has just been made is wanted before its first container asks. */
const LOOK_MS = 1_000
/** Addresses with a socket of their own: each costs a descriptor. */
const MAX_ADDRESSES = 256

interface Open {
  readonly socket: Socket
  readonly questions: UdpQuestions
}

/** A socket that is bound to an address, or to every one of its family alone. Rejects with the system's error. */
export async function bindUdp(host: string, port: number, reuseAddr = false): Promise<Socket> {
  const family = host.includes(':') ? ({ type: 'udp6', ipv6Only: true } as const) : ({ type: 'udp4' } as const)
  const socket = createSocket({ ...family, reuseAddr })
  try {
    socket.bind({ address: host, port, exclusive: true })
    await once(socket, 'listening')
    return socket.on('error', () => {})
  } catch (thrown) {
    closeQuietly(socket)
    throw thrown
  }
}

/**
 * Takes questions over UDP at one address, or at every address of a family.
 *
 * What a socket at every address sends leaves from the address that is next on the way to the client. That need not be the one that was asked, as when
 * a container of one network asks the address of another's bridge, and clients take answers from no other. So each of the machine's addresses has a
 * socket of its own, which the kernel prefers; the one at every address has what comes to an address that is too new.
 */
export class UdpDoor {
  readonly #options: UdpDoorOptions
  readonly #address: string
  readonly #port: number
  readonly #every: Open
  readonly #single = new Map<string, Open>()
  #cancel: () => void = () => {}
  #isClosed = false
  #isDraining = false
  #emptied: (() => void) | undefined

  /** `socket`: by `bindUdp`. */
  constructor(socket: Socket, options: UdpDoorOptions) {
    this.#options = options
    const { address, port } = socket.address()
    this.#address = address
    this.#port = port
    this.#every = this.#take(socket)
    // After it is bound, so that it is told where somebody else has the port.
    if (this.#isShared) sharePort(socket, true)
  }

  /** Resolves when the addresses that there are have been looked at; never rejects. */
  async follow(): Promise<void> {
    if (!isUnspecified(this.#address) || !canSharePorts) return
    if (!this.#isDraining) await this.#look()
    if (!this.#isClosed) this.#cancel = this.#options.clock.after(LOOK_MS, () => void this.follow())
  }

  /** Takes no more. `emptied` is called once nothing waits at any address. */
  drain(emptied: () => void): void {
    this.#isDraining = true
    this.#emptied = emptied
    for (const { questions } of this.#all) questions.drain(() => this.#hasEmptied())
  }

  resume(): void {
    this.#isDraining = false
    this.#emptied = undefined
    for (const { questions } of this.#all) questions.resume()
  }

  close(): void {
    this.#isClosed = true
    this.#cancel()
    for (const open of this.#all) close(open)
  }

  get #all(): Open[] {
    return [this.#every, ...this.#single.values()]
  }

  get #isShared(): boolean {
    return isUnspecified(this.#address) && this.#port < FIRST_OPEN_PORT
  }

  #hasEmptied(): void {
    if (!this.#all.every(({ questions }) => questions.isEmpty)) return
    const emptied = this.#emptied
    this.#emptied = undefined
    emptied?.()
  }

  #take(socket: Socket): Open {
    const questions = new UdpQuestions(socket, this.#options)
    socket.on('message', (query, { address: from, port }) => {
      const address = this.#options.admitted(from, port)
      if (address !== undefined) questions.take({ query, address, port, from })
    })
    return { socket, questions }
  }

  async #look(): Promise<void> {
    const wanted = this.#wanted()
    if (!wanted) return
    for (const [address, open] of this.#single) {
      if (wanted.has(address)) continue
      this.#single.delete(address)
      close(open)
    }
    for (const address of wanted) {
      if (this.#isClosed || this.#single.size >= MAX_ADDRESSES) return
      if (!this.#single.has(address)) await this.#open(address)
    }
  }

  /** Undefined where the system does not say: for want of descriptors, for one. */
  #wanted(): ReadonlySet<string> | undefined {
    const { localAddresses = ownAddresses } = this.#options
    const isOfFamily = (address: string) => address.includes(':') === this.#address.includes(':')
    try {
      // A link-local one is answered from the cable that the question came by, as it is.
      return new Set(localAddresses().filter((address) => isOfFamily(address) && !isLinkLocal(address)))
    } catch {
      return undefined
    }
  }

  /** In vain where the address is not there any more, or not yet. */
  async #open(address: string): Promise<void> {
    sharePort(this.#every.socket, true)
    const socket = await bindUdp(address, this.#port, true).catch(() => undefined)
    if (!this.#isShared) sharePort(this.#every.socket, false)
    if (!socket) return
    if (this.#isClosed) return closeQuietly(socket)
    // It has come in beside the one at every address; nobody else comes in beside it.
    sharePort(socket, false)
    const open = this.#take(socket)
    this.#single.set(address, open)
    if (this.#isDraining) open.questions.drain(() => this.#hasEmptied())
  }
}

function ownAddresses(): readonly string[] {
  return interfaceAddresses().map(({ address }) => address)
}

function close({ socket, questions }: Open): void {
  questions.close()
  closeQuietly(socket)
}

function closeQuietly(socket: Socket): void {
  socket.on('error', () => {})
  try {
    socket.close()
  } catch {
    // It never opened.
  }
}
