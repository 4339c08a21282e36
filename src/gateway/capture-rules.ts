import { isDeepStrictEqual } from 'node:util'
import { toGatewayError } from '../contracts/gateway-error.ts'
import type { CapturePlan, NetworkMembers } from '../passthrough/rules/capture-plan.ts'
import type { Installer } from '../passthrough/rules/installer.ts'

export interface CaptureRulesParts {
  readonly installer: Pick<Installer, 'install' | 'update' | 'members' | 'stands' | 'isAnothers' | 'remove'>
  /** Appends the rule that holds attempts where nft has no statement for it; throws where the kernel has none either. */
  addHoldRule(queue: number): void
  /** Of datagrams that were on their way before the rules stood. */
  forgetTranslations(plan: CapturePlan): Promise<void>
  warn(message: string): void
}

export interface WantedRules {
  plan(hold: CapturePlan['hold']): CapturePlan
  /** Absent: nothing is to be held. */
  readonly hold?: { readonly queue: number; readonly required: boolean } | undefined
}

/** The rules in the kernel: put in place or left as they stood, and in which of two forms they hold connection attempts. */
export class CaptureRules {
  readonly #parts: CaptureRulesParts
  #installed: CapturePlan | undefined
  /** What this kernel has turned out to take; it does not change while it runs. */
  #form: 'nft' | 'apart' = 'nft'

  constructor(parts: CaptureRulesParts) {
    this.#parts = parts
  }

  get installed(): CapturePlan | undefined {
    return this.#installed
  }

  /**
   * By nft's own statement; where the kernel has none, by the older rule; where it has neither, without holding, unless that is required. Rejects with
   * what stands in the way; rules that stood before stand then.
   */
  async install(wanted: WantedRules): Promise<void> {
    const before = this.#installed
    try {
      await this.#installAnew(wanted)
    } catch (thrown) {
      await this.restore(before).catch((again: unknown) => this.#parts.warn(toGatewayError(again).message))
      throw thrown
    }
  }

  /** Puts a plan that stood before in force once more; undefined: none. */
  async restore(before: CapturePlan | undefined): Promise<void> {
    if (before) await this.#put(before)
    else await this.remove()
  }

  /** What the rules in the kernel take from: those of a gateway that was killed, where none of ours stand. */
  members(): Promise<NetworkMembers> {
    return this.#parts.installer.members()
  }

  /** Whether the table is that of a gateway which has started while this one was ending. */
  async areAnothers(): Promise<boolean> {
    return this.#installed !== undefined && (await this.#parts.installer.isAnothers(this.#installed))
  }

  /** Other networks; connections and rules are not touched. The sets of another gateway's rules have the same names. */
  async update(networks: NetworkMembers): Promise<void> {
    if (!this.#installed || isDeepStrictEqual({ ...this.#installed, ...networks }, this.#installed)) return
    if (await this.areAnothers()) return
    await this.#parts.installer.update(networks)
    this.#installed = { ...this.#installed, ...networks }
    await this.#forgetTranslations(this.#installed)
  }

  /** From here on only packets of connections that stand are taken. */
  async keepStanding(): Promise<void> {
    if (!this.#installed) return
    const { hold: _, ...plan } = this.#installed
    const tcp = { ...plan.tcp, ports: [] }
    await this.#put({ ...plan, tcp, otherPorts: 'bypass', udp: { kind: 'bypass' }, special: [], hosts: [] })
  }

  /**
   * Whoever loads another firewall may flush every table, ours among them. `networks`: as they are now; the kernel may have refused them when they changed.
   * Whether something was missing.
   */
  async repair(networks: NetworkMembers): Promise<boolean> {
    if (!this.#installed) return false
    // Fails where there is no table to change, or once more for the reason before.
    await this.update(networks).catch(() => {})
    const plan = { ...this.#installed, ...networks }
    if (await this.#parts.installer.stands(plan)) {
      this.#installed = plan
      return false
    }
    if (await this.areAnothers()) return false
    await this.#put(plan)
    return true
  }

  /**
   * Not those of a gateway that has started while this one was ending, nor, where none of ours have stood, what a gateway that was killed or still drains
   * has left: they refuse what would otherwise go out past the policy.
   */
  async remove(): Promise<void> {
    const before = this.#installed
    this.#installed = undefined
    const { installer } = this.#parts
    if (!(await installer.isAnothers(before))) await installer.remove()
  }

  async #installAnew({ plan, hold }: WantedRules): Promise<void> {
    if (!hold) return this.#putOther(plan(undefined))
    const { queue } = hold
    if (this.#form === 'nft') {
      try {
        return await this.#putOther(plan({ queue, by: 'nft' }))
      } catch (thrown) {
        if (!/queue num/.test(toGatewayError(thrown).said ?? '')) throw thrown
        this.#form = 'apart'
      }
    }
    try {
      await this.#putOther(plan({ queue, by: 'apart' }))
    } catch (thrown) {
      if (!(thrown instanceof NoHoldRule)) throw thrown
      if (hold.required) throw thrown.cause
      const { message } = toGatewayError(thrown.cause)
      this.#parts.warn(`${message}; captured connections are accepted before the way out stands`)
      await this.#put(plan(undefined))
    }
  }

  /** What the kernel holds goes with the rules that are replaced, and its clients have to send again: not for a reload that changes nothing of them. */
  async #putOther(plan: CapturePlan): Promise<void> {
    if (isDeepStrictEqual(plan, this.#installed) && (await this.#parts.installer.stands(plan))) return
    await this.#put(plan)
  }

  async #put(plan: CapturePlan): Promise<void> {
    const { installer, addHoldRule } = this.#parts
    await installer.install(plan, () => {
      this.#installed = plan
      if (plan.hold?.by !== 'apart') return
      try {
        addHoldRule(plan.hold.queue)
      } catch (cause) {
        throw new NoHoldRule('the rules stand, but none holds', { cause })
      }
    })
    await this.#forgetTranslations(plan)
  }

  /** Where that fails nothing goes out past the policy: the rules drop what is under a translation. */
  async #forgetTranslations(plan: CapturePlan): Promise<void> {
    try {
      await this.#parts.forgetTranslations(plan)
    } catch (thrown) {
      const { message, hint } = toGatewayError(thrown)
      this.#parts.warn(
        `${message}; conversations that containers began before are dropped until they have been silent for minutes. ${hint ?? ''}`.trim(),
      )
    }
  }
}

class NoHoldRule extends Error {
  override readonly name = 'NoHoldRule'
}
