import type { WrittenSettings } from '../schema.ts'
import type { ContainerRuleSettings, Settings } from '../settings.ts'
import type { ResolveContext } from './context.ts'
import type { Upstreams } from './upstreams.ts'

type Written = WrittenSettings['containerRules'][number]

/** Follows the names in `use`, and lets nobody's rules open what a `containersProxy` of higher rank holds fast. */
export async function resolveContainerRules(
  written: readonly Written[],
  upstreams: Upstreams,
  policy: Settings['containersProxy'],
  context: ResolveContext,
): Promise<ContainerRuleSettings[]> {
  const rules: ContainerRuleSettings[] = []
  for (const [index, { match, to, use }] of written.entries()) {
    const path = ['containerRules', index]
    if (Object.values(match).every((value) => value === undefined)) {
      context.problem([...path, 'match'], {
        message: 'this says nothing about containers',
        expected: 'at least one of container, image, project, service, network, label, known',
        hint: 'For all containers, write match: { container: "*" }.',
      })
    }
    if (match.known === false && Object.entries(match).some(([key, value]) => key !== 'known' && value !== undefined)) {
      context.problem([...path, 'match', 'known'], {
        message: 'of a client that the engine does not know, nothing else can be known',
        expected: 'known: false alone',
      })
    }
    if (policy.locked && use !== 'reject' && !context.haveSameSource(['containerRules'], [policy.group])) {
      context.warning([...path, 'use'], {
        message: `this has no effect: ${policy.group} is locked by a source of higher rank`,
        hint: 'Rules that reject stay in force.',
      })
      continue
    }
    if (Array.isArray(use) && use.length === 0)
      context.problem([...path, 'use'], {
        message: 'the chain is empty',
        expected: 'direct, reject, policy, or a proxy',
      })
    rules.push({
      match: given(match),
      ...(to ? { to } : {}),
      use:
        typeof use === 'string' ? { kind: use } : { kind: 'chain', hops: await upstreams.chain(use, [...path, 'use']) },
    })
  }
  return rules
}

function given(match: Written['match']): ContainerRuleSettings['match'] {
  return Object.fromEntries(Object.entries(match).filter(([, value]) => value !== undefined))
}
