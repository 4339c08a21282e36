import type { AnsweredNames } from '../contracts/answered-names.ts'
import type { Clock } from '../contracts/clock.ts'
import type { ContainerDirectory } from '../contracts/containers.ts'
import { addressText } from '../wire/dns/address-data.ts'
import { asksForDropped, withoutFamilies } from '../wire/dns/family-filter.ts'
import { type DnsMessage, type DnsQuestion, readMessage } from '../wire/dns/message.ts'
import { plainName } from '../wire/dns/name.ts'
import { CLASS_IN, FLAG, MAX_MESSAGE, PLAIN_UDP_SIZE, RCODE, TYPE, UDP_SIZE } from '../wire/dns/numbers.ts'
import { EDNS_SIZE, errorReply, localAnswer, questionBytes, truncated, withEdns } from '../wire/dns/reply.ts'
import { withQuestion } from './answer-cache.ts'
import { type Askers, containerAnswer } from './container-names.ts'
import { type Lookups, NoAnswerInTime } from './lookups.ts'
import { type SpecialAddresses, specialAnswer } from './special-names.ts'

export type Transport = 'udp' | 'tcp'

export interface AnswererOptions {
  readonly clock: Clock
  readonly lookups: Lookups
  /** Milliseconds after which a client is told SERVFAIL. */
  readonly timeoutMs: number
  readonly specialAddresses: SpecialAddresses
  /** IPv6 addresses for special names that the settings give are believed to lead somewhere for everybody. */
  readonly ipv6ForAll: boolean
  readonly containers?: () => ContainerDirectory | undefined
  /** Whether containers' names are answered. */
  readonly containerNames: boolean
  readonly askers: Askers
  readonly names?: AnsweredNames | undefined
  /** Families not to be given now of what others answer; waits for the first look at the network. */
  readonly dropped: () => Promise<ReadonlySet<4 | 6>>
  /** And of what is answered here: special names and containers, which lead nowhere but here whatever the network is like. */
  readonly droppedHere: ReadonlySet<4 | 6>
  /** Questions that wait for an answer, over all clients and for one. */
  readonly maxWaiting: number
  readonly maxWaitingPerClient: number
  /** In whose name an address takes its share of them, and of the system's lookups. Default: its own. */
  ownerOf?(address: string): string
  readonly answered?: (outcome: Outcome) => void
}

export interface Outcome {
  readonly rcode: number
  readonly transport: Transport
  /** Why there is no answer, and to what of whom, where that is so. */
  readonly failure?: { readonly reason: string; readonly question: string; readonly client: string }
}

/** Who asks; the canonical address, where there is one. */
export interface DnsClient {
  readonly address: string | undefined
  readonly transport: Transport
}

/** From a question's octets to the answer's: everything of the DNS server but its sockets. */
export class Answerer {
  readonly #options: AnswererOptions
  readonly #waiting = new Map<string, number>()
  #allWaiting = 0

  constructor(options: AnswererOptions) {
    this.#options = options
  }

  get waiting(): number {
    return this.#allWaiting
  }

  /** Undefined where saying nothing is right: for what is no question at all. Never rejects. */
  async answer(query: Buffer, client: DnsClient): Promise<Buffer | undefined> {
    if (query.length < 12 || (query[2]! & 0x80) !== 0) return undefined
    let message: DnsMessage | undefined
    const refuse = (rcode: number, reason?: string) => {
      const failure = reason === undefined ? {} : { failure: failureOf(reason, message, client) }
      this.#options.answered?.({ rcode, transport: client.transport, ...failure })
      return errorReply(query, rcode, message)
    }
    if (((query.readUInt16BE(2) >> 11) & 0xf) !== 0) return refuse(RCODE.NOTIMP)
    try {
      message = readMessage(query)
    } catch {
      return refuse(RCODE.FORMERR)
    }
    const { question } = message
    const fault = question ? faultOf(message, question) : RCODE.FORMERR
    if (!question || fault !== undefined) return refuse(fault ?? RCODE.FORMERR)
    const who = this.#options.ownerOf?.(client.address ?? '') ?? client.address ?? ''
    const ofClient = this.#waiting.get(who) ?? 0
    const { maxWaiting, maxWaitingPerClient } = this.#options
    if (ofClient >= maxWaitingPerClient || this.#allWaiting >= maxWaiting) {
      return refuse(RCODE.SERVFAIL, 'too many questions wait for an answer')
    }
    this.#waiting.set(who, ofClient + 1)
    this.#allWaiting++
    try {
      const found = await this.#inTime((signal) => this.#find(message!, question, client, who, signal))
      return await this.#finish(message, question, found, client)
    } catch (thrown) {
      return refuse(RCODE.SERVFAIL, thrown instanceof Error ? thrown.message : String(thrown))
    } finally {
      this.#allWaiting--
      const left = this.#waiting.get(who)! - 1
      if (left === 0) this.#waiting.delete(who)
      else this.#waiting.set(who, left)
    }
  }

  /** The answer, filtered, without OPT. */
  async #find(
    message: DnsMessage,
    question: DnsQuestion,
    client: DnsClient,
    who: string,
    signal: AbortSignal,
  ): Promise<Buffer> {
    const local = await this.#localAnswer(message, question, client)
    if (local) return local
    const dropped = await this.#options.dropped()
    const found = await this.#options.lookups.find(message, question, who, signal)
    if (dropped.size === 0) return found
    const answer = readMessage(found)
    const filtered = withoutFamilies(answer, dropped)
    const lacksSoa =
      asksForDropped(question.type, dropped) && filtered !== found && filtered.length === answer.questionEnd
    return lacksSoa ? this.#options.lookups.withSoa(filtered, message, question, who, signal) : filtered
  }

  async #localAnswer(message: DnsMessage, question: DnsQuestion, client: DnsClient): Promise<Buffer | undefined> {
    const name = plainName(question.name)
    if (name === undefined) return undefined
    const { specialAddresses, containers, containerNames, askers, droppedHere } = this.#options
    const directory = containers?.()
    const local =
      specialAnswer(name, question.type, specialAddresses, this.#hasIpv6(client, directory)) ??
      (directory && containerNames
        ? await containerAnswer(name, question.type, client.address, directory, askers)
        : undefined)
    if (!local) return undefined
    const records = local.records.filter(({ type }) => type === 'PTR' || !droppedHere.has(type === 'A' ? 4 : 6))
    return localAnswer(questionBytes(message), name, { ...local, records })
  }

  #hasIpv6({ address }: DnsClient, directory: ContainerDirectory | undefined): boolean {
    if (this.#options.ipv6ForAll || address?.includes(':')) return true
    const container = address === undefined ? undefined : directory?.byAddress(address)
    return container?.endpoints.some((endpoint) => endpoint.addresses.some((one) => one.includes(':'))) ?? false
  }

  /** The form that this client takes: id, letters, flags, OPT and size. */
  async #finish(query: DnsMessage, question: DnsQuestion, found: Buffer, client: DnsClient): Promise<Buffer> {
    const answer = withQuestion(Buffer.from(found), questionBytes(query))
    const rcode = answer.readUInt16BE(2) & 0xf
    answer.writeUInt16BE(query.id, 0)
    const wantsAd = (query.flags & FLAG.AD) !== 0 || query.edns?.dnssecOk === true
    const kept = answer.readUInt16BE(2) & (FLAG.AA | (wantsAd ? FLAG.AD : 0) | 0xf)
    answer.writeUInt16BE(FLAG.QR | FLAG.RA | kept | (query.flags & (FLAG.RD | FLAG.CD)), 2)
    this.#options.answered?.({ rcode, transport: client.transport })
    const room = (client.transport === 'tcp' ? MAX_MESSAGE : udpRoom(query)) - (query.edns ? EDNS_SIZE : 0)
    const isCut = answer.length > room
    // Cut, it tells no address: the client asks again, over TCP.
    if (!isCut) await this.#remember(question, answer, client)
    const fitting = isCut ? truncated(answer, query.questionEnd) : answer
    return withEdns(fitting, query.edns !== undefined, query.edns?.dnssecOk)
  }

  async #remember(question: DnsQuestion, answer: Buffer, client: DnsClient): Promise<void> {
    const name = plainName(question.name)
    const { names } = this.#options
    if (!names || client.address === undefined || name === undefined) return
    if (question.type !== TYPE.A && question.type !== TYPE.AAAA) return
    const records = readMessage(answer).records.filter(
      ({ section, type, class: of }) => section === 'answer' && type === question.type && of === CLASS_IN,
    )
    const addresses = records
      .map(({ dataAt, end }) => addressText(answer.subarray(dataAt, end)))
      .filter((one) => one !== undefined)
    if (addresses.length > 0)
      await names.remember(client.address, name, addresses, Math.min(...records.map(({ ttl }) => ttl)))
  }

  async #inTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, timeoutMs } = this.#options
    const controller = new AbortController()
    let cancel = () => {}
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(timeoutMs, () => {
        const error = new NoAnswerInTime(`no answer within ${timeoutMs} ms`)
        controller.abort(error)
        reject(error)
      })
    })
    try {
      return await Promise.race([work(controller.signal), late])
    } finally {
      cancel()
    }
  }
}

function failureOf(reason: string, message: DnsMessage | undefined, { address = 'unknown' }: DnsClient) {
  const { question } = message ?? {}
  const [type] = Object.entries(TYPE).find(([, number]) => number === question?.type) ?? [`TYPE${question?.type}`]
  const name = question && (plainName(question.name) ?? 'a name that is no host’s')
  return { reason, question: `${name} ${type}`, client: address }
}

/** What is wrong with a question that can be read. */
function faultOf({ edns, records }: DnsMessage, question: DnsQuestion): number | undefined {
  if (edns && edns.version !== 0) return RCODE.BADVERS
  if (records.some(({ section }) => section !== 'additional')) return RCODE.FORMERR
  if (question.class !== CLASS_IN) return RCODE.REFUSED
  if (question.type === TYPE.OPT || question.type === 0) return RCODE.FORMERR
  // RFC 6895 §3.1: 128–255 ask for something to be done, such as a transfer of a whole zone; ANY alone is a question.
  if (question.type >= 128 && question.type < 255) return RCODE.REFUSED
  return undefined
}

/** Octets that this client takes over UDP; not more than reaches it without fragments, for forged answers hide in those. */
function udpRoom({ edns }: DnsMessage): number {
  return Math.min(Math.max(edns?.udpSize ?? PLAIN_UDP_SIZE, PLAIN_UDP_SIZE), UDP_SIZE)
}
