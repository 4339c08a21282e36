import type { Scheme, Target } from '../contracts/target.ts'
import type { ExcludeRule } from './exclude-entry.ts'
import { compileGlob } from './glob.ts'
import { IpBlockTable } from './ip-block.ts'

/**
 * A look-up over rules: names by a map walked label by label, blocks by a map for each prefix length, globs one after the other.
 * The answer is the matching rule that stands first.
 */
export function indexRules<R extends ExcludeRule & { readonly index: number }>(
  rules: readonly R[],
): (target: Target, scheme: Scheme) => R | undefined {
  const any: R[] = []
  const dotless: R[] = []
  const selfByName = new Map<string, R[]>()
  const belowByName = new Map<string, R[]>()
  const blocks = new IpBlockTable<R>()
  const globs: { readonly matches: (host: string) => boolean; readonly rules: readonly R[] }[] = []

  for (const rule of rules) {
    const { pattern } = rule
    switch (pattern.kind) {
      case 'any':
        any.push(rule)
        break
      case 'dotless':
        dotless.push(rule)
        break
      case 'name':
        if (pattern.self) append(selfByName, pattern.name, rule)
        append(belowByName, pattern.name, rule)
        break
      case 'block':
        blocks.add(pattern.block, rule)
        break
      case 'glob':
        globs.push({ matches: compileGlob(pattern.glob), rules: [rule] })
    }
  }

  return (target, scheme) => {
    let first: R | undefined
    const consider = (candidates: readonly R[] | undefined) => {
      for (const rule of candidates ?? []) {
        if (first && first.index <= rule.index) return // lists are in order: nothing earlier follows
        if (rule.port !== undefined && rule.port !== target.port) continue
        if (rule.scheme !== undefined && rule.scheme !== scheme) continue
        first = rule
      }
    }
    consider(any)
    if (target.family === 0) {
      consider(selfByName.get(target.host))
      if (!target.host.includes('.')) consider(dotless)
      if (belowByName.size > 0) forEachParent(target.host, (parent) => consider(belowByName.get(parent)))
    } else {
      for (const holding of blocks.lookup({ address: target.host, family: target.family })) consider(holding)
    }
    for (const { matches, rules } of globs) {
      if (first && first.index <= rules[0]!.index) break
      if (matches(target.host)) consider(rules)
    }
    return first
  }
}

function append<V>(map: Map<string, V[]>, key: string, value: V): void {
  const values = map.get(key)
  if (values) values.push(value)
  else map.set(key, [value])
}

function forEachParent(name: string, visit: (parent: string) => void): void {
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) visit(name.slice(dot + 1))
}
