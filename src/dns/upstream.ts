import type { Clock } from '../contracts/clock.ts'
import type { DnsMessage } from '../wire/dns/message.ts'
import { FLAG, RCODE, rcodeName } from '../wire/dns/numbers.ts'
import { isConclusive, makeQuery } from '../wire/dns/reply.ts'
import { askTcp, askUdp, type DnsServerAddress, ExchangeError, GUESSED } from './exchange.ts'

export interface UpstreamOptions {
  readonly clock: Clock
  /** 0–65535, unguessable. */
  readonly randomId: () => number
}

export interface Asked {
  /** Name, type and class, octet by octet. */
  readonly question: Buffer
  readonly dnssecOk: boolean
  readonly checkingDisabled: boolean
}

/** Milliseconds for one datagram to be answered: a resolver that has to ask others itself needs some hundred. Doubled in the second round. */
const TRY_MS = 1000
/** Times that every server is asked. */
const ROUNDS = 2
/** Milliseconds for the last datagram of all: no less than whoever asks can wait, who ends it. */
const LAST_TRY_MS = 60_000
/** Milliseconds for which a server that was silent is not asked first: it may know names that the next one does not. */
const PASSED_OVER_MS = 30_000
/** Milliseconds for the answer over TCP. */
const TCP_MS = 3000

interface Preferred {
  readonly place: number
  /** By the monotonic clock. */
  readonly until: number
}

/** No server gave an answer that says something of the name. `last` is what one of them said instead. */
export class NoUpstreamAnswer extends Error {
  override readonly name = 'NoUpstreamAnswer'
}

/** Asks servers in turn, over UDP and, where that is too small or not safe, TCP. Where the first was silent, the one that answered in its place is asked first for a while. */
export class Upstream {
  readonly #options: UpstreamOptions
  /** By list of servers, the place of the one to ask first. Lists are those of the settings, so there are few. */
  #preferred = new WeakMap<readonly DnsServerAddress[], Preferred>()
  /** The same of questions that wait for less: a server that is slow once is no reason to ask others for everything. */
  #quickest = new WeakMap<readonly DnsServerAddress[], Preferred>()

  constructor(options: UpstreamOptions) {
    this.#options = options
  }

  /**
   * The answer with its OPT. Rejects with `NoUpstreamAnswer`, or with `signal.reason` on abort. `tryMs`: for the first datagram to each server, where
   * whoever asks waits for less time than usual.
   */
  async ask(
    servers: readonly DnsServerAddress[],
    asked: Asked,
    signal: AbortSignal,
    tryMs = TRY_MS,
  ): Promise<DnsMessage> {
    const failures: string[] = []
    let silent = 0
    const preferred = tryMs < TRY_MS ? this.#quickest : this.#preferred
    for (let round = 0; round < ROUNDS; round++) {
      const now = this.#options.clock.monotonic()
      const known = preferred.get(servers)
      const first = known && now < known.until ? known.place : 0
      for (let step = 0; step < servers.length; step++) {
        const place = (first + step) % servers.length
        const server = servers[place]!
        const isLast = round === ROUNDS - 1 && step === servers.length - 1
        try {
          const answer = await this.#askOne(server, asked, isLast ? LAST_TRY_MS : tryMs << round, signal)
          if (isConclusive(answer.rcode)) {
            // Not for what one of them said: a name of somebody's may make it say SERVFAIL.
            if (silent && silent === failures.length) preferred.set(servers, { place, until: now + PASSED_OVER_MS })
            return answer
          }
          failures.push(`${nameOf(server)} says ${rcodeName(answer.rcode)}`)
        } catch (thrown) {
          signal.throwIfAborted()
          if (!(thrown instanceof ExchangeError)) throw thrown
          silent += 1
          failures.push(`${nameOf(server)}: ${thrown.message}`)
        }
      }
    }
    throw new NoUpstreamAnswer(
      servers.length === 0 ? 'there is no server to ask' : [...new Set(failures)].slice(0, SHOWN).join('; '),
    )
  }

  /** Another network: who was silent in the old one may answer here. */
  forget(): void {
    this.#preferred = new WeakMap()
    this.#quickest = new WeakMap()
  }

  async #askOne(server: DnsServerAddress, asked: Asked, limitMs: number, signal: AbortSignal): Promise<DnsMessage> {
    const exchange = async (over: typeof askUdp, ms: number, edns = true) =>
      over(server, this.#query(asked, edns), { clock: this.#options.clock, limitMs: ms, signal })
    let answer: DnsMessage
    try {
      answer = await exchange(askUdp, limitMs)
    } catch (thrown) {
      if (thrown instanceof ExchangeError && thrown.message === GUESSED) return exchange(askTcp, TCP_MS)
      throw thrown
    }
    // RFC 6891 §7: a server that has never heard of EDNS.
    const knowsNoEdns = answer.rcode === RCODE.FORMERR || (answer.rcode === RCODE.NOTIMP && !answer.edns)
    if (knowsNoEdns) answer = await exchange(askUdp, limitMs, false)
    return answer.flags & FLAG.TC ? exchange(askTcp, TCP_MS, !knowsNoEdns) : answer
  }

  /** A new id each time: a second try must not give a guesser a second chance. */
  #query({ question, dnssecOk, checkingDisabled }: Asked, edns: boolean): Buffer {
    return makeQuery(this.#options.randomId(), question, { edns, dnssecOk, cd: checkingDisabled })
  }
}

/** Failures repeated in the log. */
const SHOWN = 4

/** DNS's own port goes without saying. */
function nameOf({ address, port }: DnsServerAddress): string {
  if (port === DNS_PORT) return address
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

const DNS_PORT = 53
