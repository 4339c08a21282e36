import { readFile } from 'node:fs/promises'
import { systemClock } from '../contracts/clock.ts'
import { createSystemResolver } from '../dialers/resolver.ts'
import { asBrowserSees } from '../pac-engine/browser-url.ts'
import { decodeScript } from '../pac-engine/decode-script.ts'
import { PacEvaluator } from '../pac-engine/pac-evaluator.ts'

export type { Evaluation, EvaluationRequest } from '../pac-engine/pac-evaluator.ts'
export { asBrowserSees }

/** Runs PAC scripts outside a gateway, with the machine's own resolver where the request brings no answers. */
export function createPacEvaluator(): PacEvaluator {
  return new PacEvaluator({ resolver: createSystemResolver({ clock: systemClock }) })
}

/** A script from a file, in whatever encoding. */
export async function readPacFile(path: string): Promise<string> {
  return decodeScript(await readFile(path))
}
