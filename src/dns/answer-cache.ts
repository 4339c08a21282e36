import type { Clock } from '../contracts/clock.ts'
import { type DnsMessage, type DnsQuestion, HEADER_SIZE } from '../wire/dns/message.ts'
import { nameKey } from '../wire/dns/name.ts'
import { FLAG, RCODE, TYPE } from '../wire/dns/numbers.ts'
import { expandedData } from '../wire/dns/rebuild.ts'

export interface AnswerCacheOptions {
  readonly clock: Clock
  /** Answers kept at most; the one unused for longest goes first. 0: none. */
  readonly maxEntries: number
  /** Seconds that an answer is kept at most, whatever its records say. */
  readonly maxTtl: number
  /** Seconds that a "no" is kept at most (RFC 2308 §5 advises one to three hours; a VPN that brings the name is not waited for that long). */
  readonly maxNegativeTtl: number
}

interface Entry {
  readonly bytes: Buffer
  readonly ttlsAt: readonly number[]
  readonly storedAt: number
  readonly expiresAt: number
}

/** Octets of all answers together: ten thousand of the size that DNSSEC makes usual. */
const MAX_BYTES = 16 * 1024 * 1024

/** Whole answers by question, as they came, with TTLs that count down (RFC 1035 §7.4). */
export class AnswerCache {
  readonly #options: AnswerCacheOptions
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>()
  #bytes = 0

  constructor(options: AnswerCacheOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#entries.size
  }

  /** A copy of the answer, id 0, TTLs as of now. */
  get(key: string): Buffer | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    const now = this.#options.clock.monotonic()
    this.#delete(key, entry)
    if (now >= entry.expiresAt) return undefined
    this.#add(key, entry)
    const age = Math.floor((now - entry.storedAt) / 1000)
    const bytes = Buffer.from(entry.bytes)
    for (const at of entry.ttlsAt) bytes.writeUInt32BE(Math.max(0, bytes.readUInt32BE(at) - age), at)
    return bytes
  }

  /** A copy of which no record is said to be good for longer than an answer is kept. `message` has no OPT. */
  limited(message: DnsMessage): Buffer {
    const limit = this.#limitOf(message)
    const bytes = Buffer.from(message.bytes)
    for (const { ttlAt } of message.records)
      bytes.writeUInt32BE(Math.min(cleanTtl(bytes.readUInt32BE(ttlAt)), limit), ttlAt)
    return bytes
  }

  /** `ttl` in seconds where the answer itself does not say. `message` has no OPT. */
  put(key: string, message: DnsMessage, ttl = ttlOf(message)): void {
    const { clock, maxEntries } = this.#options
    const seconds = Math.min(ttl, this.#limitOf(message))
    if (seconds <= 0 || maxEntries === 0 || message.bytes.length > MAX_BYTES / 16) return
    const now = clock.monotonic()
    const old = this.#entries.get(key)
    if (old) this.#delete(key, old)
    const bytes = this.limited(message)
    bytes.writeUInt16BE(0, 0)
    const ttlsAt = message.records.map((record) => record.ttlAt)
    this.#add(key, { bytes, ttlsAt, storedAt: now, expiresAt: now + seconds * 1000 })
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= maxEntries && this.#bytes <= MAX_BYTES) break
      this.#delete(oldest, entry)
    }
  }

  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
  }

  #limitOf(message: DnsMessage): number {
    return isNegative(message) ? this.#options.maxNegativeTtl : this.#options.maxTtl
  }

  #add(key: string, entry: Entry): void {
    this.#entries.set(key, entry)
    this.#bytes += entry.bytes.length
  }

  #delete(key: string, entry: Entry): void {
    this.#entries.delete(key)
    this.#bytes -= entry.bytes.length
  }
}

/** NXDOMAIN, or NODATA: no record but what leads elsewhere (RFC 2308 §2), unless that is what was asked for. */
export function isNegative(message: DnsMessage): boolean {
  if (message.rcode === RCODE.NXDOMAIN) return true
  const asked = message.question?.type
  if (asked === TYPE.CNAME || asked === TYPE.ANY) return !message.records.some(({ section }) => section === 'answer')
  return !message.records.some(({ section, type }) => section === 'answer' && type !== TYPE.CNAME)
}

/** Seconds that an answer may be kept: the least of its records' TTLs; for a "no", what its SOA says (RFC 2308 §5), and nothing without one. */
export function ttlOf(message: DnsMessage): number {
  if (message.rcode !== RCODE.NOERROR && message.rcode !== RCODE.NXDOMAIN) return 0
  const least = Math.min(...message.records.map(({ ttl }) => cleanTtl(ttl)))
  if (!isNegative(message)) return least
  const soa = message.records.find(({ section, type }) => section === 'authority' && type === TYPE.SOA)
  if (!soa) return 0
  const data = expandedData(message.bytes, soa)
  if (data.length < 22) return 0
  return Math.min(least, data.readUInt32BE(data.length - 4))
}

/** RFC 2181 §8: with the upper bit set it counts as 0. */
function cleanTtl(ttl: number): number {
  return ttl > 0x7fffffff ? 0 : ttl
}

/** Puts the letters of this client's question into an answer to the same question in other letters (draft-vixie-dnsext-dns0x20). */
export function withQuestion(answer: Buffer, question: Buffer): Buffer {
  question.copy(answer, HEADER_SIZE)
  return answer
}

/** Answers are shared by everybody who asks the same; what of the question makes another answer is in here. */
export function questionKey({ flags, edns }: DnsMessage, { name, type }: DnsQuestion): string {
  return `${type} ${edns?.dnssecOk ? 'd' : ''}${flags & FLAG.CD ? 'c' : ''} ${nameKey(name)}`
}
