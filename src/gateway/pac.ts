import { systemClock } from '../contracts/clock.ts'
import { createSystemResolver } from '../dialers/resolver.ts'
import { asBrowserSees, hasContainerForm } from '../pac-engine/browser-url.ts'
import { ALL_NAMES_MS, createPacEngine } from '../pac-engine/create-pac-engine.ts'
import { decodeScript } from '../pac-engine/decode-script.ts'
import { PacEvaluator } from '../pac-engine/pac-evaluator.ts'
import { type PacSource, readScriptFile } from '../pac-engine/script-source.ts'
import { timeZoneWarning, zoneInUse } from '../pac-engine/time-zone.ts'
import type { Settings } from '../settings/settings.ts'

export type { Evaluation, EvaluationRequest, Notes } from '../pac-engine/pac-evaluator.ts'
export { asBrowserSees, hasContainerForm, timeZoneWarning, zoneInUse }

/** Helper calls shown of one evaluation at a terminal, the first and the last, and alerts: a large script makes thousands, and the call that decided is among the last. */
export const TRACE_LIMITS = { tracedCalls: 1_000, tracedLast: 1_000, alerts: 1_000 }

/** Runs PAC scripts outside a gateway, with the machine's own resolver where the request brings no answers. */
export function createPacEvaluator(): PacEvaluator {
  return new PacEvaluator({ resolver: createSystemResolver({ clock: systemClock }), limits: TRACE_LIMITS })
}

/** A script from a file, in whatever encoding. Rejects with `GatewayError` PAC_FAILED. */
export async function readPacFile(path: string): Promise<string> {
  return decodeScript(await readScriptFile(path))
}

/**
 * What is wrong with the PAC scripts that the settings hold or name by path: they are compiled, and their global code is run. A script behind a URL
 * is left to the gateway: checking settings asks nothing of the network.
 */
export async function findPacFaults({ proxy, containersProxy }: Settings): Promise<readonly string[]> {
  const sources = new Map<string, PacSource>()
  for (const { mode, pac } of [proxy, containersProxy]) {
    if (mode === 'manual' && pac && pac.kind !== 'url') sources.set(JSON.stringify(pac), pac)
  }
  const resolver = createSystemResolver({ clock: systemClock })
  const faults: string[] = []
  for (const source of sources.values()) {
    const engine = createPacEngine({ source, resolver, onPacFailure: 'block', startNamesMs: ALL_NAMES_MS })
    await engine.ready
    const { failure } = engine.status()
    if (failure !== undefined) faults.push(failure)
    await engine.close()
  }
  return faults
}
