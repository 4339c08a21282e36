import { GatewayError } from '../../contracts/gateway-error.ts'
import type { CapturePlan, NetworkMembers } from './capture-plan.ts'
import { leadsElsewhere } from './in-use.ts'
import { rulesStand } from './listed.ts'
import { nftMembers, nftRemoval, nftScript } from './nft-script.ts'
import { LIST, NO_RIGHTS, NO_TABLE } from './nft-table.ts'
import {
  addRoute,
  addRule,
  type Command,
  deleteRoutes,
  deleteRule,
  type Family,
  listRoutes,
  listRules,
  type PolicyRule,
  policyRules,
  readRouteTables,
  readRules,
} from './routing.ts'
import { type CommandResult, type RunCommand, runCommand } from './run-command.ts'
import { membersIn, sameMembers } from './set-members.ts'

/** Rules, policy rules and route in the kernel. What stands there of an earlier run, killed or with other settings, is replaced. */
export class Installer {
  readonly #run: RunCommand
  readonly #families: readonly Family[]

  constructor(families: readonly Family[], run: RunCommand = runCommand) {
    this.#families = families
    this.#run = run
  }

  /**
   * Where marked packets go first, then the rules that mark them. Rejects with what is missing; rules that stood then still stand. `stands`: is called as soon as the
   * rules do.
   */
  async install(plan: CapturePlan, stands: () => void): Promise<void> {
    for (const family of this.#families) await this.#route(family, plan)
    await this.#must(NFT, nftScript(plan))
    stands()
    // Last, so that the rules of before lead somewhere for as long as they stand.
    for (const family of this.#families) await this.#tidy(family, plan)
  }

  /** Other networks; the rules stay. */
  async update(plan: NetworkMembers): Promise<void> {
    await this.#must(NFT, nftMembers(plan))
  }

  /** What the table that stands takes from, whoever has put it there. */
  async members(): Promise<NetworkMembers> {
    return membersIn((await this.#list()).stdout)
  }

  /** Whether all of it is still there. */
  async stands(plan: CapturePlan): Promise<boolean> {
    const { code, stdout } = await this.#list()
    if (code !== 0 || !rulesStand(stdout, plan) || !sameMembers(membersIn(stdout), plan)) return false
    for (const family of this.#families) {
      const rules = await this.#rules(family)
      if (!policyRules(plan).every((wanted) => has(rules, wanted))) return false
      if (!(await this.#tables(family)).includes(String(plan.routeTable))) return false
    }
    return true
  }

  /**
   * Whether the table that stands is another gateway's: of one that has started meanwhile; where this one has put none (`own` is undefined), any. Rejects
   * where nobody can tell.
   */
  async isAnothers(own: CapturePlan | undefined): Promise<boolean> {
    const listed = await this.#list()
    if (listed.code === 0) return leadsElsewhere(listed.stdout, own?.tcp.to ?? {})
    if (NO_TABLE.test(listed.stderr)) return false
    throw refused(LIST, listed)
  }

  /** Everything with our name or stamp, and nothing else. */
  async remove(): Promise<void> {
    await this.#must(NFT, nftRemoval())
    await this.#unroute()
  }

  /** The same, of a gateway that was killed and whose table has this handle. False: another one captures since, and all is as it has made it. */
  async removeDead(handle: string): Promise<boolean> {
    const command = ['nft', 'delete', 'table', 'inet', 'handle', handle]
    const result = await this.#run(command)
    if (NO_TABLE.test(result.stderr)) return false
    if (result.code !== 0) throw refused(command, result)
    const undo: Command[] = []
    try {
      await this.#unroute(undo)
    } catch (thrown) {
      // One that has come since may have been quicker to delete the same.
      if (!(await this.#giveBack(undo))) throw thrown
      return false
    }
    return !(await this.#giveBack(undo))
  }

  /** Where a table stands. Whoever has put it there since has found policy rules and routes standing, or finds them missing in `#tidy`. */
  async #giveBack(undo: readonly Command[]): Promise<boolean> {
    if ((await this.#list()).code !== 0) return false
    for (const again of undo) await this.#run(again)
    return true
  }

  #list(): Promise<CommandResult> {
    return this.#run(LIST)
  }

  /** `undo`: is given what would put it all back, also where it fails midway. */
  async #unroute(undo: Command[] = []): Promise<void> {
    for (const family of this.#families) {
      for (const rule of await this.#rules(family)) {
        await this.#must(deleteRule(family, rule))
        undo.push(addRule(family, rule))
      }
      for (const table of await this.#tables(family)) {
        await this.#must(deleteRoutes(family, table))
        undo.push(addRoute(family, { routeTable: Number(table) }))
      }
    }
  }

  async #route(family: Family, plan: CapturePlan): Promise<void> {
    await this.#must(addRoute(family, plan))
    const rules = await this.#rules(family)
    for (const wanted of policyRules(plan)) if (!has(rules, wanted)) await this.#must(addRule(family, wanted))
  }

  async #tidy(family: Family, plan: CapturePlan): Promise<void> {
    // Once more: one that starts without capture may have taken them for left behind before the table stood.
    await this.#route(family, plan)
    const wanted = policyRules(plan)
    for (const rule of await this.#rules(family)) if (!has(wanted, rule)) await this.#must(deleteRule(family, rule))
    for (const table of await this.#tables(family)) {
      if (table !== String(plan.routeTable)) await this.#must(deleteRoutes(family, table))
    }
  }

  async #rules(family: Family) {
    return readRules((await this.#must(listRules(family))).stdout)
  }

  /** A kernel that has had no routes of a kind says so by failing, or by printing nothing. */
  async #tables(family: Family): Promise<string[]> {
    const { code, stdout } = await this.#run(listRoutes(family))
    return code === 0 ? readRouteTables(stdout) : []
  }

  async #must(command: Command, input?: string): Promise<CommandResult> {
    const result = await this.#run(command, input)
    if (result.code !== 0) throw refused(command, result)
    return result
  }
}

function has(rules: readonly PolicyRule[], wanted: PolicyRule): boolean {
  return rules.some((rule) => rule.join(' ') === wanted.join(' '))
}

const NFT: Command = ['nft', '-f', '-']

/** What `capture --dry-run` prints: the very commands, in their order. */
export function renderInstallation(plan: CapturePlan, families: readonly Family[]): string {
  const commands = families.flatMap((family) => [
    addRoute(family, plan),
    ...policyRules(plan).map((rule) => addRule(family, rule)),
  ])
  return `${commands.map((command) => command.join(' ')).join('\n')}\n\n${NFT.join(' ')} <<'EOF'\n${nftScript(plan)}EOF\n`
}

/** nft and ip say which rule the kernel did not take, and why, in their own words. */
function refused(command: Command, { stderr, code }: CommandResult): GatewayError {
  const said = stderr.trim().split('\n').slice(0, MAX_LINES).join('\n')
  return new GatewayError('INTERNAL', `capture: \`${command.join(' ')}\` failed: ${said || `exit code ${code}`}`, {
    said,
    hint: hintFor(said),
  })
}

/** Lines of an error that are shown: the first names the reason. */
const MAX_LINES = 6

function hintFor(said: string): string {
  if (NO_RIGHTS.test(said)) {
    return 'Capture needs the capability CAP_NET_ADMIN in the network namespace that the containers’ traffic comes through: run the gateway as root there, give its service AmbientCapabilities=CAP_NET_ADMIN, or start its container with --cap-add NET_ADMIN.'
  }
  if (/No such file or directory|not supported|unknown/i.test(said)) {
    return 'The kernel lacks a part that the marked rule needs: Linux 5.9 or later is needed, with the modules nf_tables, nft_tproxy, nft_socket, nft_reject_inet, nft_fib_inet, nft_ct and nft_queue loaded.'
  }
  return 'docs/capture.md says what capture needs.'
}
