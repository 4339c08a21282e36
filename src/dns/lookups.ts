import type { Clock } from '../contracts/clock.ts'
import type { Resolver } from '../contracts/resolver.ts'
import { type DnsMessage, type DnsQuestion, readMessage } from '../wire/dns/message.ts'
import { nameKey, nameWire, plainName, readName } from '../wire/dns/name.ts'
import { FLAG, TYPE } from '../wire/dns/numbers.ts'
import { expandedData } from '../wire/dns/rebuild.ts'
import { localAnswer, questionBytes, withoutEdns } from '../wire/dns/reply.ts'
import { endsInNumber } from '../wire/host.ts'
import { type AnswerCache, isNegative, questionKey } from './answer-cache.ts'
import type { DnsServerAddress } from './exchange.ts'
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
  waiters: number
}

/** Milliseconds spent on learning the SOA of a "no": it is a courtesy, and not worth a wait. */
const SOA_MS = 1000

/** Finds answers: in the cache, from the host's own resolver, or from servers. Everybody who asks the same at the same time shares one look-up. */
export class Lookups {
  readonly #options: LookupsOptions
  readonly #running = new Map<string, Running>()
  readonly #zones: ReadonlyMap<string, readonly DnsServerAddress[]>
  /** Counts the networks: what was asked in the last one is not kept. */
  #network = 0

  constructor(options: LookupsOptions) {
    this.#options = options
    this.#zones = new Map([...options.zones].map(([zone, servers]) => [nameKey(nameWire(zone)), servers]))
  }

  get cached(): number {
    return this.#options.cache.size
  }

  /** Another network: what is known does not hold there. */
  forget(): void {
    this.#network++
    this.#options.cache.clear()
    this.#running.clear()
  }

  /** The whole answer without OPT, for the client of that address; rejects where there is none. The look-up ends when the last who waits for it has gone. */
  async find(message: DnsMessage, question: DnsQuestion, client: string, signal: AbortSignal): Promise<Buffer> {
    const key = questionKey(message, question)
    const cached = this.#options.cache.get(key)
    if (cached) return cached
    const running = this.#running.get(key) ?? this.#start(key, message, question, client)
    running.waiters++
    try {
      return Buffer.from(await orAborted(running.answer, signal))
    } finally {
      if (--running.waiters === 0) {
        running.stop.abort(new Error('nobody waits any longer'))
        if (this.#running.get(key) === running) this.#running.delete(key)
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
          this.find(readMessage(asked), { ...question, type: TYPE.SOA }, client, soon),
        ),
      )
      const soa = found.records.find(({ type }) => type === TYPE.SOA)
      if (!soa) return no
      const owner = readName(found.bytes, soa.start).wire
      const data = expandedData(found.bytes, soa)
      const fixed = Buffer.from(found.bytes.subarray(soa.dataAt - 10, soa.dataAt))
      fixed.writeUInt16BE(data.length, 8)
      const whole = Buffer.concat([no, owner, fixed, data])
      whole.writeUInt16BE(1, 8)
      return whole
    } catch {
      return no
    }
  }

  #start(key: string, message: DnsMessage, question: DnsQuestion, client: string): Running {
    if (this.#running.size >= this.#options.maxRunning) throw new Error('too many names are being looked up')
    const stop = new AbortController()
    const network = this.#network
    const answer = this.#lookUp(message, question, client, stop.signal).then(({ answer, ttl }) => {
      if (network === this.#network) this.#keep(key, answer, ttl)
      return this.#options.cache.limited(answer)
    })
    const running: Running = { answer, stop, waiters: 0 }
    this.#running.set(key, running)
    const done = () => {
      if (this.#running.get(key) === running) this.#running.delete(key)
    }
    answer.then(done, done)
    return running
  }

  #keep(key: string, answer: DnsMessage, ttl: number | undefined): void {
    if (ttl === undefined) this.#options.cache.put(key, answer)
    else this.#options.cache.put(key, answer, ttl)
  }

  async #lookUp(
    message: DnsMessage,
    question: DnsQuestion,
    client: string,
    signal: AbortSignal,
  ): Promise<{ answer: DnsMessage; ttl?: number }> {
    const name = plainName(question.name)
    const zoneServers = this.#zoneServers(question.name)
    const isAddress = question.type === TYPE.A || question.type === TYPE.AAAA
    const ask = (servers: readonly DnsServerAddress[], within: AbortSignal) => this.#ask(servers, message, within)
    // To getaddrinfo such a name is an address in one of its old spellings.
    if (zoneServers || !isAddress || name === undefined || endsInNumber(name)) {
      return { answer: await ask(zoneServers ?? this.#options.servers(), signal) }
    }
    const found = await hostAnswer(name, this.#options.resolver, this.#options.hostTtl, signal, client)
    const local = found[question.type === TYPE.A ? 'A' : 'AAAA']
    const answer = readMessage(localAnswer(questionBytes(message), name, local))
    if (!isNegative(answer)) return { answer }
    // The host's resolver has decided; the servers' own words are taken where they say the same, for they have the SOA.
    const servers = this.#options.servers()
    const theirs =
      servers.length === 0 ? undefined : await this.#soon(signal, (soon) => ask(servers, soon)).catch(() => undefined)
    signal.throwIfAborted()
    if (theirs && isNegative(theirs) && theirs.rcode === answer.rcode && !leadsElsewhere(theirs))
      return { answer: theirs }
    return { answer, ttl: NEGATIVE_TTL }
  }

  async #ask(servers: readonly DnsServerAddress[], message: DnsMessage, signal: AbortSignal): Promise<DnsMessage> {
    const asked = {
      question: Buffer.from(questionBytes(message)),
      dnssecOk: message.edns?.dnssecOk ?? false,
      checkingDisabled: (message.flags & FLAG.CD) !== 0,
    }
    const answer = await this.#options.upstream.ask(servers, asked, signal)
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

function leadsElsewhere({ records }: DnsMessage): boolean {
  return records.some(({ section }) => section === 'answer')
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
