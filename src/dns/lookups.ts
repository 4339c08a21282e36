import { domainToASCII } from 'node:url'
import type { Clock } from '../contracts/clock.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import { orAborted } from '../contracts/or-aborted.ts'
import type { Resolver } from '../contracts/resolver.ts'
import { type DnsMessage, type DnsQuestion, readMessage } from '../wire/dns/message.ts'
import { nameKey, nameWire, plainName, readName } from '../wire/dns/name.ts'
import { FLAG, TYPE } from '../wire/dns/numbers.ts'
import { expandedData } from '../wire/dns/rebuild.ts'
import { localAnswer, questionBytes, withoutEdns } from '../wire/dns/reply.ts'
import { endsInNumber } from '../wire/host.ts'
import { type AnswerCache, isNegative, questionKey } from './answer-cache.ts'
import type { DnsServerAddress } from './exchange.ts'
import { Failures } from './failures.ts'
import { hostAnswer } from './host-answers.ts'
import type { Upstream } from './upstream.ts'

export interface LookupsOptions {
  readonly clock: Clock
  readonly resolver: Resolver
  readonly upstream: Upstream
  readonly cache: AnswerCache
  /** Servers for names in no zone. */
  readonly servers: () => readonly DnsServerAddress[]
  /** Zones, plain lower-case names without a closing dot, and their own servers. */
  readonly zones: ReadonlyMap<string, readonly DnsServerAddress[]>
  /** Seconds given to what the host's own resolver says, which knows no TTL. */
  readonly hostTtl: number
  /** Different questions that are looked up at once. */
  readonly maxRunning: number
}

interface Running {
  readonly answer: Promise<Buffer>
  readonly stop: AbortController
  /** What is asked of servers; undefined: it is asked of the host's own resolver. */
  readonly servers: readonly DnsServerAddress[] | undefined
  waiters: number
}

/** `short`: for what is worth `SOA_MS` at most. */
type Patience = 'usual' | 'short'

/** Milliseconds spent on learning the SOA of a "no": it is a courtesy, and not worth a wait. */
const SOA_MS = 1000

/** Whoever waited for an answer has waited long enough: for others, too, there is none. */
export class NoAnswerInTime extends Error {
  override readonly name = 'NoAnswerInTime'
}

/** Finds answers: in the cache, from the host's own resolver, or from servers. Everybody who asks the same at the same time shares one look-up. */
export class Lookups {
  readonly #options: LookupsOptions
  readonly #running = new Map<string, Running>()
  readonly #zones: ReadonlyMap<string, readonly DnsServerAddress[]>
  readonly #failures: Failures
  /** Counts the networks: what was asked in the last one is not kept. */
  #network = 0

  constructor(options: LookupsOptions) {
    this.#options = options
    this.#failures = new Failures(options.clock)
    this.#zones = new Map([...options.zones].map(([zone, servers]) => [nameKey(nameWire(zone)), servers]))
  }

  get cached(): number {
    return this.#options.cache.size
  }

  /** Of a zone with servers of its own. `name`: plain, as in `Target.host`. */
  isInZone(name: string): boolean {
    try {
      return this.#zoneServers(nameWire(name)) !== undefined
    } catch {
      // No name that DNS knows.
      return false
    }
  }

  /** Another network: what is known does not hold there. */
  forget(): void {
    this.#options.upstream.forget()
    this.#network++
    this.#options.cache.clear()
    this.#failures.clear()
    this.#running.clear()
  }

  /**
   * The whole answer without OPT, for the client of that address; rejects where there is none, or was none a moment ago. The look-up ends when the last
   * who waits for it has gone.
   */
  async find(
    message: DnsMessage,
    question: DnsQuestion,
    client: string,
    signal: AbortSignal,
    patience: Patience = 'usual',
  ): Promise<Buffer> {
    const key = questionKey(message, question)
    const cached = this.#options.cache.get(key)
    if (cached) return cached
    this.#failures.throwIfKnown(key)
    const running = this.#running.get(key) ?? this.#start(key, message, question, client, patience)
    running.waiters++
    try {
      return Buffer.from(await orAborted(running.answer, signal))
    } finally {
      if (--running.waiters === 0) {
        running.stop.abort(new Error('nobody waits any longer'))
        if (this.#running.get(key) === running) {
          this.#running.delete(key)
          // A name that the host is to look up may only have waited for its client's turn.
          const isFailure = running.servers !== undefined && signal.reason instanceof NoAnswerInTime
          if (isFailure) this.#failures.remember(key, signal.reason)
        }
      }
    }
  }

  /** A "no" without an SOA, with the one that the servers have for the name, if they say it soon. */
  async withSoa(
    no: Buffer,
    message: DnsMessage,
    question: DnsQuestion,
    client: string,
    signal: AbortSignal,
  ): Promise<Buffer> {
    const asked = Buffer.from(message.bytes)
    asked.writeUInt16BE(TYPE.SOA, message.questionEnd - 4)
    try {
      const found = readMessage(
        await this.#soon(signal, (soon) =>
          this.find(readMessage(asked), { ...question, type: TYPE.SOA }, client, soon, 'short'),
        ),
      )
      const soa = found.records.find(({ type }) => type === TYPE.SOA)
      if (!soa) return no
      const owner = readName(found.bytes, soa.start).wire
      const data = expandedData(found.bytes, soa)
      const fixed = Buffer.from(found.bytes.subarray(soa.dataAt - 10, soa.dataAt))
      // RFC 2308 §3: what the "no" is good for. Of a zone's own name the record is an answer, with the TTL of one.
      fixed.writeUInt32BE(Math.min(soa.ttl, data.readUInt32BE(data.length - 4)), 4)
      fixed.writeUInt16BE(data.length, 8)
      const whole = Buffer.concat([no, owner, fixed, data])
      whole.writeUInt16BE(1, 8)
      return this.#options.cache.limited(readMessage(whole))
    } catch {
      return no
    }
  }

  #start(key: string, message: DnsMessage, question: DnsQuestion, client: string, patience: Patience): Running {
    if (this.#running.size >= this.#options.maxRunning) throw new Error('too many names are being looked up')
    const stop = new AbortController()
    const network = this.#network
    const servers = this.#serversFor(question)
    const found = servers
      ? this.#ask(servers, message, stop.signal, patience).then((answer) => ({ answer, ttl: undefined }))
      : this.#askHost(message, question, client, stop.signal)
    const answer = found.then(({ answer, ttl }) => {
      if (network === this.#network) this.#keep(key, answer, ttl)
      return this.#options.cache.limited(answer)
    })
    const running: Running = { answer, stop, servers, waiters: 0 }
    this.#running.set(key, running)
    /** Not so where another network has come, or nobody waits any longer. */
    const wasCurrent = () => this.#running.get(key) === running && this.#running.delete(key)
    answer.then(
      wasCurrent,
      (reason) => wasCurrent() && !isForWantOfRoom(reason) && this.#failures.remember(key, reason),
    )
    return running
  }

  #keep(key: string, answer: DnsMessage, ttl: number | undefined): void {
    if (ttl === undefined) this.#options.cache.put(key, answer)
    else this.#options.cache.put(key, answer, ttl)
  }

  #serversFor({ name, type }: DnsQuestion): readonly DnsServerAddress[] | undefined {
    const ofZone = this.#zoneServers(name)
    const isForHost = !ofZone && (type === TYPE.A || type === TYPE.AAAA) && isForTheHost(plainName(name))
    return isForHost ? undefined : (ofZone ?? this.#options.servers())
  }

  async #askHost(
    message: DnsMessage,
    question: DnsQuestion,
    client: string,
    signal: AbortSignal,
  ): Promise<{ answer: DnsMessage; ttl: number | undefined }> {
    const name = plainName(question.name)!
    const found = await hostAnswer(name, this.#options.resolver, this.#options.hostTtl, signal, client)
    const local = found[question.type === TYPE.A ? 'A' : 'AAAA']
    const answer = readMessage(localAnswer(questionBytes(message), name, local))
    if (!isNegative(answer)) return { answer, ttl: undefined }
    // The host's resolver has decided; the servers' own words are taken where they say the same, for they have the SOA.
    const servers = this.#options.servers()
    const theirs =
      servers.length === 0
        ? undefined
        : await this.#soon(signal, (soon) => this.#ask(servers, message, soon, 'short')).catch(() => undefined)
    signal.throwIfAborted()
    if (theirs && isNegative(theirs) && theirs.rcode === answer.rcode && !leadsElsewhere(theirs))
      return { answer: theirs, ttl: undefined }
    return { answer, ttl: NEGATIVE_TTL }
  }

  async #ask(
    servers: readonly DnsServerAddress[],
    message: DnsMessage,
    signal: AbortSignal,
    patience: Patience,
  ): Promise<DnsMessage> {
    const asked = {
      question: Buffer.from(questionBytes(message)),
      dnssecOk: message.edns?.dnssecOk ?? false,
      checkingDisabled: (message.flags & FLAG.CD) !== 0,
    }
    // Of a short time each server has its share: behind one that is dead there may be one that answers, which such questions ask first from then on.
    const tryMs = patience === 'short' ? SOA_MS / Math.max(1, servers.length) : undefined
    const answer = await this.#options.upstream.ask(servers, asked, signal, tryMs)
    if (!answer.question) throw new Error('the answer has no question')
    const bytes = Buffer.from(withoutEdns(answer))
    // AA and RA of the server speak of itself.
    bytes.writeUInt16BE(bytes.readUInt16BE(2) & ~(FLAG.AA | FLAG.TC), 2)
    return readMessage(bytes)
  }

  /** Gives up after `SOA_MS`. */
  async #soon<T>(outer: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    const cancel = this.#options.clock.after(SOA_MS, () => controller.abort(new Error('not worth waiting for')))
    try {
      return await work(AbortSignal.any([outer, controller.signal]))
    } finally {
      cancel()
    }
  }

  #zoneServers(name: Buffer): readonly DnsServerAddress[] | undefined {
    if (this.#zones.size === 0) return undefined
    const key = nameKey(name)
    for (let at = 0; ; at += key.charCodeAt(at) + 1) {
      const servers = this.#zones.get(key.slice(at))
      if (servers) return servers
      if (key.charCodeAt(at) === 0 || at >= key.length) return undefined
    }
  }
}

/** Seconds that a "no" of the host's resolver is kept here; the client is not told. */
const NEGATIVE_TTL = 5

/**
 * Whether getaddrinfo takes the name for what it is: one that ends in a number is an address to it, in one of its old spellings, and one with a label
 * that looks like IDNA and is not gets refused before anybody is asked (RFC 5890 §2.3.1: to DNS it is a name like any other).
 */
function isForTheHost(name: string | undefined): boolean {
  return name !== undefined && !endsInNumber(name) && (!/(^|\.)xn--/.test(name) || domainToASCII(name) === name)
}

/** Of one client, perhaps: others may have room. */
function isForWantOfRoom(reason: unknown): boolean {
  return reason instanceof GatewayError && reason.code === 'LIMIT_REACHED'
}

function leadsElsewhere({ records }: DnsMessage): boolean {
  return records.some(({ section }) => section === 'answer')
}
