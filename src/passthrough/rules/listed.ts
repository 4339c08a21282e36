import { type CapturePlan, HOLD_CHAIN } from './capture-plan.ts'
import { nftScript } from './nft-script.ts'

/** Whether every chain of the plan has as many rules in `listed`, what `nft list table` prints: whoever flushes a table leaves its chains, empty. */
export function rulesStand(listed: string, plan: CapturePlan): boolean {
  const found = rulesByChain(listed)
  for (const [chain, rules] of rulesByChain(nftScript(plan))) {
    // The rule that `hold-rule.ts` adds is in no script.
    const isApart = chain === HOLD_CHAIN && plan.hold?.by === 'apart'
    if (isApart ? !holds(listed) : found.get(chain) !== rules) return false
  }
  return true
}

/** Of that rule nft prints the name where iptables' libraries are installed, and an empty line where they are not. */
function holds(listed: string): boolean {
  return new RegExp(`^\\s*chain ${HOLD_CHAIN} \\{\\n.*\\n\\s*\\}`, 'm').test(listed)
}

/** Rules stand on lines of their own, in what nft prints as in what it is given. */
function rulesByChain(text: string): Map<string, number> {
  const chains = [...text.matchAll(/^\s*chain (\S+) \{\n([\s\S]*?)^\s*\}/gm)]
  return new Map(chains.map(([, name, body]) => [name!, body!.split('\n').filter(isRule).length]))
}

function isRule(line: string): boolean {
  return !/^\s*(#|type \S+ hook |$)/.test(line)
}
