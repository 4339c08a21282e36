import { type CapturePlan, ROUTE_PROTOCOL, RULE_PRIORITY } from './capture-plan.ts'

export type Family = 4 | 6

/** One command line, without a shell. */
export type Command = readonly string[]

/** Marked packets are looked up in a table of our own, in which every address is one of this machine: so they come to its sockets. */
export function addRule(family: Family, { mark, routeTable }: Pick<CapturePlan, 'mark' | 'routeTable'>): Command {
  return ['ip', `-${family}`, 'rule', 'add', ...ruleWords({ mark, table: routeTable, priority: RULE_PRIORITY })]
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

export function deleteRule(family: Family, rule: FoundRule): Command {
  return ['ip', `-${family}`, 'rule', 'delete', ...ruleWords(rule)]
}

export function deleteRoutes(family: Family, table: string): Command {
  return ['ip', `-${family}`, 'route', 'flush', 'table', table, 'proto', String(ROUTE_PROTOCOL)]
}

export interface FoundRule {
  readonly mark: number
  readonly table: number | string
  readonly priority: number
}

/** Those that bear our stamp, from what `listRules` printed. */
export function readRules(json: string): FoundRule[] {
  const rules = JSON.parse(json || '[]') as readonly {
    priority?: number
    fwmark?: string
    table?: string
    protocol?: string | number
  }[]
  return rules
    .filter((rule) => String(rule.protocol) === String(ROUTE_PROTOCOL) && rule.fwmark !== undefined)
    .map((rule) => ({ mark: Number(rule.fwmark), table: rule.table ?? '', priority: rule.priority ?? 0 }))
}

/** The tables that hold routes with our stamp. */
export function readRouteTables(json: string): string[] {
  const routes = JSON.parse(json || '[]') as readonly { table?: string }[]
  return [...new Set(routes.flatMap(({ table }) => (table === undefined ? [] : [table])))]
}

function ruleWords({ mark, table, priority }: FoundRule): string[] {
  return [
    ...['fwmark', `0x${mark.toString(16)}`, 'lookup', String(table)],
    ...['priority', String(priority), 'protocol', String(ROUTE_PROTOCOL)],
  ]
}
