import type { Test } from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import type { Resolver } from '../../../src/contracts/resolver.ts'
import {
  createPacEngine,
  type PacEngineOptions,
  type RunningPacEngine,
} from '../../../src/pac-engine/create-pac-engine.ts'

/** Resolves from a table; counts what it was asked. */
export function tableResolver(table: Record<string, readonly string[]>): Resolver & { readonly asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    async resolve(name) {
      asked.push(name)
      const found = table[name]
      if (!found) throw new GatewayError('RESOLVE_FAILED', `${name} does not resolve`)
      return found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    },
  }
}

export function engineFor(t: Test, script: string, options: Partial<PacEngineOptions> = {}): RunningPacEngine {
  const engine = createPacEngine({
    source: { kind: 'embedded', script },
    resolver: tableResolver({}),
    myAddresses: async () => ['192.0.2.1'],
    ...options,
    // One thread starts faster than two, from the source above all; the one for second turns when it is needed. An honest decision may meet a machine
    // that stands still.
    limits: { threads: 1, standbyMs: 600_000, evaluateMs: 5_000, ...options.limits },
  })
  t.teardown(() => engine.close())
  return engine
}

/** The answer, or the failure. */
export async function ask(engine: RunningPacEngine, host: string): Promise<string | GatewayError> {
  try {
    return (await engine.find({ url: `http://${host}:80`, host }, new AbortController().signal)).result
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
}
