import { connect } from 'node:net'
import type { Clock } from '../contracts/clock.ts'
import type { NetworkWatch } from '../contracts/network-watch.ts'
import type { DnsServerAddress } from './exchange.ts'
import type { Reach } from './inhibition.ts'

export interface ProbeTarget extends DnsServerAddress {
  /** On a cable of this machine: that it answers does not say that anything beyond it would. */
  readonly isNeighbour?: boolean
}

export interface ReachProbeOptions {
  readonly clock: Clock
  readonly networkWatch: NetworkWatch
  /** Where to connect to; of both families, asked anew for each look. */
  readonly targets: () => readonly ProbeTarget[]
  /** Farther away, for families for which no target beyond the neighbours answers: strangers' servers, which are not to be bothered often. */
  readonly lastResort?: readonly DnsServerAddress[]
  /** For tests: what comes of connecting there within so many milliseconds. */
  readonly reaches?: (target: DnsServerAddress, limitMs: number) => Promise<Found>
  readonly changed?: (reach: Reach) => void
}

/** `unreachable`: the network itself has said that there is no way. `silent` may be a firewall's doing, which leaves out one port and no family. */
export type Found = 'answered' | 'unreachable' | 'silent'

/** Milliseconds between two looks while nothing changes. Half a dozen packets in the own network. */
const EVERY_MS = 3000
/** Milliseconds for which the word of a last resort holds while the network stays the same. */
const LAST_RESORT_MS = 60_000
/** Milliseconds for a connection to stand or be refused: twice the round trip by satellite. */
const PROBE_MS = 1500
/** Milliseconds until a family that was reached and now is not is looked at once more: one lost packet must not take a family away. */
const AGAIN_MS = 1000
/** Looks in a row that must fail before a family that was there counts as gone. */
const FAILURES = 2

const FAMILIES = ['ipv4', 'ipv6'] as const

/**
 * Tests by connecting whether the host really reaches anything by IPv4 and by IPv6: an address or a route alone says nothing. Looks at once, after each
 * change of the network, and now and then.
 */
export class ReachProbe {
  readonly #options: ReachProbeOptions
  readonly #failures = { ipv4: 0, ipv6: 0 }
  readonly #forget: () => void
  readonly #first: Promise<void>
  #reach: Reach | undefined
  #cancel: () => void = () => {}
  #isClosed = false
  #lastResort: Partial<Record<'ipv4' | 'ipv6', { readonly found: Found; readonly until: number }>> = {}
  /** A look that has been overtaken says nothing any more. */
  #look = 0

  constructor(options: ReachProbeOptions) {
    this.#options = options
    this.#forget = options.networkWatch.onChange(() => {
      this.#lastResort = {}
      void this.#run()
    })
    this.#first = this.#run()
  }

  /** Undefined until the first look has ended. */
  get reach(): Reach | undefined {
    return this.#reach
  }

  /** The first look; never rejects. */
  get ready(): Promise<void> {
    return this.#first
  }

  close(): void {
    this.#isClosed = true
    this.#cancel()
    this.#forget()
  }

  async #run(): Promise<void> {
    this.#cancel()
    const look = ++this.#look
    const targets = this.#targets()
    if (!targets) {
      this.#cancel = this.#options.clock.after(AGAIN_MS, () => void this.#run())
      return
    }
    const seen = await this.#see(targets)
    if (this.#isClosed || look !== this.#look) return
    this.#judge(seen)
    const unsure = Object.values(this.#failures).some((count) => count > 0 && count < FAILURES)
    this.#cancel = this.#options.clock.after(unsure ? AGAIN_MS : EVERY_MS, () => void this.#run())
  }

  /** Undefined where they cannot be read, as for want of descriptors: that says nothing of the network. */
  #targets(): readonly ProbeTarget[] | undefined {
    try {
      return this.#options.targets()
    } catch {
      return undefined
    }
  }

  #judge(seen: Reach): void {
    const before = this.#reach
    const settle = (family: keyof Reach) => {
      this.#failures[family] = seen[family] ? 0 : this.#failures[family] + 1
      return seen[family] || (before?.[family] === true && this.#failures[family] < FAILURES)
    }
    const reach = { ipv4: settle('ipv4'), ipv6: settle('ipv6') }
    if (before?.ipv4 === reach.ipv4 && before.ipv6 === reach.ipv6) return
    this.#reach = reach
    this.#options.changed?.(reach)
  }

  /**
   * A family leads somewhere where a target beyond the neighbours answers, or a last resort. Where no last resort answers for either family, nobody
   * there is to be reached from here (a company's network), and the neighbours' word counts; also for a family for which it is merely silent.
   */
  async #see(targets: readonly ProbeTarget[]): Promise<Reach> {
    const beyond = targets.filter(({ isNeighbour }) => !isNeighbour)
    const neighbours = targets.filter(({ isNeighbour }) => isNeighbour)
    const [far, near] = await Promise.all([
      ofBoth((family) => this.#find(beyond, family)),
      ofBoth((family) => this.#find(neighbours, family)),
    ])
    const isInDoubt = FAMILIES.some((family) => near[family] === 'answered' && far[family] !== 'answered')
    const strangers = await ofBoth(async (family) =>
      isInDoubt || far[family] !== 'answered' ? this.#askStrangers(family) : 'unreachable',
    )
    const someoneAnswers = FAMILIES.some((family) => strangers[family] === 'answered')
    const leadsOn = (family: keyof Reach): boolean => {
      if (far[family] === 'answered' || strangers[family] === 'answered') return true
      const isSilent = strangers[family] === 'silent'
      if (near[family] === 'answered') return !someoneAnswers || isSilent
      // Where nothing else can be asked, silence alone takes nobody IPv4 away, without which little works: a network without it says that there is no way.
      return family === 'ipv4' && isSilent && someoneAnswers && targetsOf(targets, family).length === 0
    }
    return { ipv4: leadsOn('ipv4'), ipv6: leadsOn('ipv6') }
  }

  async #askStrangers(family: keyof Reach): Promise<Found> {
    const { lastResort = [], clock } = this.#options
    if (lastResort.length === 0) return 'unreachable'
    const known = this.#lastResort[family]
    // While unsure, the word of the last resort is asked for anew.
    if (known && clock.monotonic() < known.until && this.#failures[family] !== 1) return known.found
    const found = await this.#find(lastResort, family)
    this.#lastResort[family] = { found, until: clock.monotonic() + LAST_RESORT_MS }
    return found
  }

  /** The first answer of any; else whether one of them was silent. */
  async #find(targets: readonly DnsServerAddress[], family: keyof Reach): Promise<Found> {
    const { reaches = connectTo } = this.#options
    const ofFamily = targetsOf(targets, family)
    return new Promise((resolve) => {
      let left = ofFamily.length
      let none: Found = 'unreachable'
      if (left === 0) resolve(none)
      for (const target of ofFamily) {
        reaches(target, PROBE_MS).then((found) => {
          if (found === 'silent') none = found
          if (found === 'answered') resolve(found)
          else if (--left === 0) resolve(none)
        })
      }
    })
  }
}

function targetsOf(targets: readonly DnsServerAddress[], family: keyof Reach): readonly DnsServerAddress[] {
  return targets.filter(({ address }) => address.includes(':') === (family === 'ipv6'))
}

async function ofBoth(look: (family: keyof Reach) => Promise<Found>): Promise<Record<keyof Reach, Found>> {
  const [ipv4, ipv6] = await Promise.all([look('ipv4'), look('ipv6')])
  return { ipv4, ipv6 }
}

/** A refusal is an answer too: somebody was reached. */
function connectTo({ address, port }: DnsServerAddress, limitMs: number): Promise<Found> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port })
    const end = (found: Found) => {
      socket.destroy()
      resolve(found)
    }
    socket.setTimeout(limitMs, () => end('silent'))
    socket.on('connect', () => end('answered'))
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      const isNoWay = code === 'ENETUNREACH' || code === 'EHOSTUNREACH' || code === 'EADDRNOTAVAIL'
      end(code === 'ECONNREFUSED' ? 'answered' : isNoWay ? 'unreachable' : 'silent')
    })
  })
}
