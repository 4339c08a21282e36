import type { Socket } from 'node:net'
import type { AnsweredNames } from '../contracts/answered-names.ts'
import type { Clock } from '../contracts/clock.ts'
import type { Conn } from '../contracts/conn.ts'
import type { ContainerDirectory } from '../contracts/containers.ts'
import type { DoorContext } from '../contracts/door.ts'
import type { Flow } from '../contracts/flow.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { Resolver } from '../contracts/resolver.ts'
import type { Client, RouteQuery } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import { isLoopback, parseAddress } from '../wire/address.ts'
import type { Sniffed } from '../wire/sniffed-name.ts'
import { FairTurns } from './fair-turns.ts'
import { heldAnswer } from './held-answer.ts'
import type { HeldSyn } from './hold/queue-messages.ts'
import { type Believed, believe, type Heard, type Trust, toldName } from './names/believe.ts'
import { peekName } from './names/peek.ts'
import { type AnswerHeld, PendingHolds } from './pending-holds.ts'

/** What can change with the settings while the door is open. */
export interface CapturePolicy {
  readonly trust: Trust
  /** Milliseconds to wait for a client's first byte. */
  readonly peekMs: number
  /** Whether a name could change what is decided about what this client has dialled: otherwise nothing waits for one. */
  namesMatter(dialled: Target, client: Client): boolean
}

export interface CaptureDoorOptions {
  readonly clock: Clock
  readonly context: DoorContext
  readonly resolver: Resolver
  readonly names: AnsweredNames
  policy(): CapturePolicy
  directory(): ContainerDirectory | undefined
  /** Where connections to the gateway itself go, by the address dialled: to one of its doors, with the client as it is. Undefined for all others. */
  ownDoor(dialled: Target): ((socket: Socket) => void) | undefined
  /** In whose name an address has its share of attempts and connections: the client. */
  ownerOf(address: string): string
  readonly room: CaptureRoom
  /** An attempt was left unanswered, to be sent again: too many are under way, of this client or of all. Or refused: too many connections stand. */
  crowded(address: string, which: 'full' | 'full-for-client' | 'no-room' | 'no-share'): void
}

/** Captured connections that stand, and how many there may be. */
export interface CaptureRoom {
  add(client: string): void
  remove(client: string): void
  /** Whether there may be so many more, of this client and of all, attempts under way counted in. */
  judge(client: string, more: { readonly ofClient: number; readonly ofAll: number }): 'room' | 'no-room' | 'no-share'
}

/** Ports on which the server speaks first: FTP, SSH, Telnet, SMTP, POP3, NNTP, IMAP, submission, MySQL, VNC. Nobody sends a name there. */
const SERVER_FIRST: ReadonlySet<number> = new Set([21, 22, 23, 25, 110, 119, 143, 587, 3306, 5900])
/** Milliseconds from "you may" to the connection: the client's ACK is one round trip on a bridge away. */
const ARRIVAL_MS = 3_000
/** Milliseconds for looking up a name that is to be verified; after that it counts as wrong. */
const VERIFY_MS = 2_000

/** The door for connections that know nothing of proxies: `localAddress` of an accepted socket is what its client has dialled. */
export class CaptureDoor {
  readonly #options: CaptureDoorOptions
  readonly #holds = new PendingHolds<Socket>()
  readonly #turns = new FairTurns()
  /** Flows that have been neither let in nor refused. To abort one is to refuse it. */
  readonly #unanswered = new Set<AbortController>()
  #draining = false

  constructor(options: CaptureDoorOptions) {
    this.#options = options
  }

  /** Attempts that wait for an answer. */
  get holding(): number {
    return this.#holds.size
  }

  /** Takes nothing new from here on. */
  drain(): void {
    this.#draining = true
  }

  /** Tells those who wait for an answer that there will be none. */
  giveUp(): void {
    const reason = new GatewayError('SHUTTING_DOWN', 'the gateway is shutting down')
    for (const flow of this.#unanswered) flow.abort(reason)
  }

  /** An attempt that the kernel holds. If its name cannot be known before its first bytes and matters, it is let in at once. */
  held({ sequence, source, dialled }: Omit<HeldSyn, 'packet'>, answer: AnswerHeld): void {
    const { names, context, clock } = this.#options
    if (this.#draining) {
      answer('reset')
      return
    }
    const key = keyOf(source.address, source.port, dialled.address, dialled.port)
    const owner = this.#options.ownerOf(source.address)
    const more = { ofClient: this.#holds.of(owner) + 1, ofAll: this.#holds.size + 1 }
    if (!this.#holds.repeats(key, sequence) && !this.#hasRoom(owner, source.address, more)) {
      answer('reset')
      return
    }
    const state = this.#holds.begin(key, owner, sequence, answer)
    if (state === 'repeated') return
    if (state !== 'new') {
      this.#options.crowded(source.address, state)
      answer(undefined)
      return
    }
    const target: Target = { host: dialled.address, family: dialled.family, port: dialled.port }
    const told = names.namesOf(source.address, dialled.address)
    const client = this.#clientAt(source.address, source.port)
    if (this.#options.ownDoor(target) || this.#waitsForName(target, told, client)) {
      this.#holds.end(key)
      answer('accept')
      return
    }
    const gone = new AbortController()
    this.#unanswered.add(gone)
    const flow: Flow = {
      ...this.#base(client, target.port),
      ...heldTarget(target, told),
      accept: () => {
        this.#unanswered.delete(gone)
        return new Promise<Conn>((resolve, reject) => {
          const cancel = clock.after(ARRIVAL_MS, () => {
            this.#holds.end(key)
            reject(new GatewayError('CLIENT_GONE', 'the client gave up before its connection stood'))
          })
          this.#holds.expect(key, (socket) => {
            cancel()
            resolve(socket)
          })
        })
      },
      reject: (error) => {
        this.#unanswered.delete(gone)
        const told = heldAnswer(error.code)
        this.#holds.refuse(key, told === 'silence' ? undefined : told)
      },
    }
    this.#turns.run(owner, () => void context.handleFlow(flow, gone.signal))
  }

  /**
   * What an attempt asks for, if that is known already and nobody but a router and a dialer is needed. Undefined: it has to come here, by `held`, to be
   * answered otherwise, or accepted and looked at.
   */
  query(
    dialled: Target,
    { address, port }: { readonly address: string; readonly port: number },
  ): RouteQuery | undefined {
    if (this.#draining || this.#holds.knows(keyOf(address, port, dialled.host, dialled.port))) return undefined
    const told = this.#options.names.namesOf(address, dialled.host)
    const client = this.#clientAt(address, port)
    if (this.#options.ownDoor(dialled) || this.#waitsForName(dialled, told, client)) return undefined
    return { ...this.#asked(client, dialled.port), ...heldTarget(dialled, told) }
  }

  /** A connection that the kernel has completed. */
  connected(socket: Socket): void {
    const dialled = targetOf(socket)
    const from = socket.remoteAddress === undefined ? undefined : parseAddress(socket.remoteAddress)
    if (!dialled) return void socket.destroy()
    if (!from || socket.remotePort === undefined) return void this.#goneAlready(socket, dialled)
    // Somebody on this machine has found the transparent socket itself.
    if (isLoopback(dialled.host)) return void socket.resetAndDestroy()
    const { address } = from
    const owner = this.#options.ownerOf(address)
    this.#options.room.add(owner)
    socket.once('close', () => this.#options.room.remove(owner))
    if (this.#holds.deliver(keyOf(address, socket.remotePort, dialled.host, dialled.port), socket)) return
    if (!this.#hasRoom(owner, address, { ofClient: 0, ofAll: 0 })) return void socket.resetAndDestroy()
    const take = this.#options.ownDoor(dialled)
    if (take) take(socket)
    else void this.#begin(socket, address, socket.remotePort, dialled)
  }

  async #begin(socket: Socket, address: string, port: number, dialled: Target): Promise<void> {
    const { context, names, resolver, policy, clock } = this.#options
    const gone = new AbortController()
    const onClose = () => {
      answered()
      gone.abort(new GatewayError('CLIENT_GONE', 'the client closed its connection'))
    }
    const answered = () => {
      this.#unanswered.delete(gone)
      socket.off('close', onClose)
    }
    this.#unanswered.add(gone)
    socket.once('close', onClose)
    const { trust, peekMs } = policy()
    const told = names.namesOf(address, dialled.host)
    const client = this.#clientAt(address, port)
    const sniffed: Sniffed = this.#waitsForName(dialled, told, client)
      ? await peekName(socket, { clock, silenceMs: peekMs })
      : { kind: 'nameless' }
    const verifying = new AbortController()
    const cancel = clock.after(VERIFY_MS, () => verifying.abort(new GatewayError('RESOLVE_FAILED', 'too slow')))
    const onGone = () => verifying.abort(gone.signal.reason)
    if (gone.signal.aborted) onGone()
    else gone.signal.addEventListener('abort', onGone, { once: true })
    const believed = await believe(
      dialled,
      { told, heard: heardIn(sniffed) },
      trust,
      resolver,
      verifying.signal,
      address,
    )
    cancel()
    const flow: Flow = {
      ...this.#base(client, dialled.port),
      ...believed,
      async accept() {
        answered()
        if (socket.destroyed) throw new GatewayError('CLIENT_GONE', 'the client closed its connection')
        return socket
      },
      reject: () => {
        answered()
        socket.resetAndDestroy()
      },
    }
    await context.handleFlow(flow, gone.signal)
  }

  /**
   * The client has reset it before it was looked at; the kernel then no longer says whose it was. One line in the log all the same, unless an attempt
   * that was held waits for it in vain, and leaves that line.
   */
  #goneAlready(socket: Socket, dialled: Target): void {
    socket.destroy()
    if (isLoopback(dialled.host) || this.#holds.expectsAny(` ${dialled.host} ${dialled.port}`)) return
    const error = new GatewayError('CLIENT_GONE', 'the client reset its connection at once')
    const flow: Flow = {
      ...this.#base({ local: false }, dialled.port),
      ...heldTarget(dialled, []),
      accept: () => Promise.reject(error),
      reject: () => {},
    }
    void this.#options.context.handleFlow(flow, AbortSignal.abort(error))
  }

  #hasRoom(owner: string, address: string, more: Parameters<CaptureRoom['judge']>[1]): boolean {
    const judged = this.#options.room.judge(owner, more)
    if (judged !== 'room') this.#options.crowded(address, judged)
    return judged === 'room'
  }

  /** Several names for one address: the first bytes say which of them is meant. Of a single one only `reject` doubts that it is. */
  #waitsForName(target: Target, told: readonly string[], client: Client): boolean {
    const { trust, namesMatter } = this.#options.policy()
    if (told.length === 1 && trust !== 'reject') return false
    return !SERVER_FIRST.has(target.port) && namesMatter(target, client)
  }

  #clientAt(address: string, port: number): Client {
    const container = this.#options.directory()?.byAddress(address)
    return { address, port, local: false, ...(container ? { container } : {}) }
  }

  #base(client: Client, dialledPort: number) {
    const { context } = this.#options
    const asked = this.#asked(client, dialledPort)
    return { id: context.nextId(), door: context.name, protocol: 'captured', ...asked }
  }

  /** The scheme by the port, as of every tunnel: what is judged must not hang on whether there was a reason to look at the first bytes. */
  #asked(client: Client, dialledPort: number) {
    return {
      scheme: dialledPort === 80 ? ('http' as const) : ('https' as const),
      scope: this.#options.context.scope,
      client,
    }
  }
}

function heldTarget(dialled: Target, told: readonly string[]): Believed {
  return told.length > 0 ? toldName(dialled, told) : { target: dialled, captured: { dialled } }
}

function heardIn(sniffed: Sniffed): Heard | undefined {
  if (sniffed.kind !== 'name') return undefined
  const { name, protocol, hint } = sniffed
  return { name, source: protocol === 'tls' ? 'sni' : 'http-host', ...(hint ? { hint } : {}) }
}

function targetOf(socket: Socket): Target | undefined {
  const address = socket.localAddress === undefined ? undefined : parseAddress(socket.localAddress)
  if (!address || socket.localPort === undefined) return undefined
  return { host: address.address, family: address.family, port: socket.localPort }
}

function keyOf(address: string, port: number, dialled: string, dialledPort: number): string {
  return `${address} ${port} ${dialled} ${dialledPort}`
}
