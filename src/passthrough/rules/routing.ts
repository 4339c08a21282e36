import { type CapturePlan, ROUTE_PROTOCOL, RULE_PRIORITY } from './capture-plan.ts'

export type Family = 4 | 6

/** One command line, without a shell. */
export type Command = readonly string[]

/** One policy rule, as `ip rule` has it: what it is added by, and taken away. */
export type PolicyRule = readonly string[]

/**
 * Marked packets that come in are looked up in a table of our own, in which every address is one of this machine: so they come to its sockets.
 *
 * Only these. The kernel looks up more than them by the same mark: whether a packet's source leads back by where it came in (`src_valid_mark`, which
 * `wg-quick` sets; firewalls that check sources likewise), and what a socket that took its client's mark sends (`tcp_fwmark_accept`). All of that is done
 * as this machine's own, "iif lo", and goes by whatever rules it would go by without us: past ours. A selector can be negated only as a whole, hence the
 * leap, which needs somewhere to land. In the order in which they lead nothing astray while they come one by one.
 */
export function policyRules({ mark, routeTable }: Pick<CapturePlan, 'mark' | 'routeTable'>): PolicyRule[] {
  const behind = RULE_PRIORITY + 1
  return [
    ruleWords({ priority: behind, mark, does: ['nop'] }),
    ruleWords({ priority: RULE_PRIORITY - 1, mark, iif: 'lo', does: ['goto', String(behind)] }),
    ruleWords({ priority: RULE_PRIORITY, mark, does: ['lookup', String(routeTable)] }),
  ]
}

export function addRule(family: Family, rule: PolicyRule): Command {
  return ['ip', `-${family}`, 'rule', 'add', ...rule]
}

export function addRoute(family: Family, { routeTable }: Pick<CapturePlan, 'routeTable'>): Command {
  const everything = family === 4 ? '0.0.0.0/0' : '::/0'
  const words = ['local', everything, 'dev', 'lo', 'table', String(routeTable), 'proto', String(ROUTE_PROTOCOL)]
  return ['ip', `-${family}`, 'route', 'replace', ...words]
}

export function listRules(family: Family): Command {
  return ['ip', `-${family}`, '-json', 'rule', 'show']
}

export function listRoutes(family: Family): Command {
  return ['ip', `-${family}`, '-json', 'route', 'show', 'table', 'all', 'proto', String(ROUTE_PROTOCOL)]
}

export function deleteRule(family: Family, rule: PolicyRule): Command {
  return ['ip', `-${family}`, 'rule', 'delete', ...rule]
}

export function deleteRoutes(family: Family, table: string): Command {
  return ['ip', `-${family}`, 'route', 'flush', 'table', table, 'proto', String(ROUTE_PROTOCOL)]
}

/** Those that bear our stamp, from what `listRules` printed. */
export function readRules(json: string): PolicyRule[] {
  const rules = JSON.parse(json || '[]') as readonly {
    priority?: number
    fwmark?: string
    iif?: string
    table?: string
    goto?: number | string
    nop?: unknown
    protocol?: string | number
  }[]
  return rules.flatMap((rule) => {
    if (String(rule.protocol) !== String(ROUTE_PROTOCOL) || rule.fwmark === undefined) return []
    const { priority = 0, iif } = rule
    const does = doneBy(rule)
    return does ? [ruleWords({ priority, mark: Number(rule.fwmark), ...(iif === undefined ? {} : { iif }), does })] : []
  })
}

function doneBy(rule: { table?: string; goto?: number | string; nop?: unknown }): string[] | undefined {
  if (rule.table !== undefined) return ['lookup', rule.table]
  if (rule.goto !== undefined) return ['goto', String(rule.goto)]
  return 'nop' in rule ? ['nop'] : undefined
}

/** The tables that hold routes with our stamp. */
export function readRouteTables(json: string): string[] {
  const routes = JSON.parse(json || '[]') as readonly { table?: string }[]
  return [...new Set(routes.flatMap(({ table }) => (table === undefined ? [] : [table])))]
}

interface RuleParts {
  readonly priority: number
  readonly mark: number
  readonly iif?: string
  readonly does: readonly string[]
}

function ruleWords({ priority, mark, iif, does }: RuleParts): PolicyRule {
  return [
    ...(iif === undefined ? [] : ['iif', iif]),
    ...['fwmark', `0x${mark.toString(16)}`, ...does],
    ...['priority', String(priority), 'protocol', String(ROUTE_PROTOCOL)],
  ]
}
