import { type CapturePlan, HOLD_CHAIN } from './capture-plan.ts'
import { nftScript } from './nft-script.ts'

/** Whether every chain of the plan has as many rules in `listed`, what `nft list table` prints: whoever flushes a table leaves its chains, empty. */
export function rulesStand(listed: string, plan: CapturePlan): boolean {
  const found = rulesByChain(listed)
  for (const [chain, rules] of rulesByChain(nftScript(plan))) {
    // The rule that `hold-rule.ts` adds is in no script.
    const wanted = chain === HOLD_CHAIN && plan.hold?.by === 'apart' ? rules + 1 : rules
    if (found.get(chain) !== wanted) return false
  }
  return true
}

/** Rules stand on lines of their own, in what nft prints as in what it is given. */
function rulesByChain(text: string): Map<string, number> {
  const chains = [...text.matchAll(/^\s*chain (\S+) \{\n([\s\S]*?)^\s*\}/gm)]
  return new Map(chains.map(([, name, body]) => [name!, body!.split('\n').filter(isRule).length]))
}

function isRule(line: string): boolean {
  return !/^\s*(#|type \S+ hook |$)/.test(line)
}
