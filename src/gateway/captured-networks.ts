import type { ContainerDirectory } from '../contracts/containers.ts'
import type { NetworkMembers } from '../passthrough/rules/capture-plan.ts'
import type { Settings } from '../settings/settings.ts'
import { interfaceNames } from '../system/interface-names.ts'
import { capturedNetworks, chosenNetworks } from './capture-plan.ts'

export interface CapturedNetworksParts {
  readonly directory: ContainerDirectory | undefined
  /** Whether an engine is followed that has not said yet what there is. */
  awaitsEngine(): boolean
  /** Whether there was no socket either where the engine that is followed would have it. */
  lacksEngine(): boolean
  warn(message: string): void
  /** For tests; default: those of this machine. */
  interfaceNames?(): ReadonlySet<string> | undefined
}

type Wanted = Pick<Settings, 'capture' | 'engine'>

/**
 * Where captured traffic comes from: what the settings say, and the engine's networks. Of these nothing is known before the engine has answered, and a
 * gateway that was killed leaves rules that are closed: what those took from stays taken until then.
 */
export class CapturedNetworks {
  readonly #parts: CapturedNetworksParts
  #former: NetworkMembers = NONE
  /** Bridges that are told to be absent. */
  #told: readonly string[] = []

  constructor(parts: CapturedNetworksParts) {
    this.#parts = parts
  }

  /** What the rules take from that stand before ours. */
  takeOver(former: NetworkMembers): void {
    this.#former = former
  }

  of(settings: Wanted): NetworkMembers {
    const known = capturedNetworks(settings, this.#parts.directory)
    if (!this.#awaits(settings) || this.#doesWithout(settings)) return known
    const both = (name: keyof NetworkMembers) => [...new Set([...known[name], ...this.#former[name]])].sort()
    return { interfaces: both('interfaces'), sources: both('sources'), own: both('own') }
  }

  /** What is not captured, as far as these settings want it to be; said as they come into force. */
  tell(settings: Wanted): void {
    const { interfaces, sources } = this.of(settings)
    const from = [...interfaces, ...sources].join(', ')
    // In force without them, so they come back with no reload.
    if (!this.#awaits(settings) || this.#doesWithout(settings)) this.#former = NONE
    if (!this.#awaits(settings)) return
    if (from === '') this.#parts.warn(NOTHING_YET)
    else if (this.#former.interfaces.length + this.#former.sources.length > 0 || !settings.engine?.auto) {
      this.#parts.warn(`${ONLY_THESE}: ${from}`)
    }
  }

  /** Those of these interfaces that this machine does not have: nothing comes in by them. */
  absent(interfaces: readonly string[]): readonly string[] {
    const here = (this.#parts.interfaceNames ?? interfaceNames)()
    return here ? interfaces.filter((name) => !here.has(name)) : []
  }

  /**
   * Says which of the engine's networks are not captured, for their bridges are another machine's; of each once, until it is here. Not to be asked for as
   * networks come and go: then a bridge may have gone before the engine has told so.
   */
  tellAbsent({ capture }: Wanted): void {
    const chosen = chosenNetworks(capture, this.#parts.directory?.view().networks ?? [])
    const absent = this.absent(chosen.flatMap(({ bridge }) => bridge ?? []))
    const news = chosen.filter(({ bridge = '' }) => absent.includes(bridge) && !this.#told.includes(bridge))
    this.#told = absent
    if (news.length === 0) return
    this.#parts.warn(`${ELSEWHERE}: ${news.map(({ name, bridge }) => `${name} (${bridge})`).join(', ')}`)
  }

  /** An engine that nobody asked for, and that is not there, is hardly missed beside networks that the settings name. Those before may have been theirs, too. */
  #doesWithout({ capture, engine }: Wanted): boolean {
    return engine?.auto === true && capture.interfaces.length + capture.subnets.length > 0 && this.#parts.lacksEngine()
  }

  #awaits({ capture }: Wanted): boolean {
    return capture.networks.length > 0 && this.#parts.awaitsEngine()
  }
}

const NONE: NetworkMembers = { interfaces: [], sources: [], own: [] }

const NOTHING_YET =
  'capture: nothing is captured yet: the networks of capture.networks are the Docker engine’s, and it has not answered. Until it does, containers go out past the policy; capture.interfaces and capture.subnets need no engine'
const ONLY_THESE =
  'capture: the Docker engine has not answered, so its networks are not known. Until it does, only these are captured, by the settings and by the rules of the gateway before'
const ELSEWHERE =
  'capture: what the containers of these networks send is not captured, and goes out past the policy: their bridges are no interfaces of this machine. The engine is one without root, in a virtual machine (Docker Desktop, Colima) or on another machine, or this gateway is in a container with a network of its own; docs/capture.md, Limits, says what helps'
