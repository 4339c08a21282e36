import type { Clock } from '../contracts/clock.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { Resolver } from '../contracts/resolver.ts'
import type { Log } from '../observe/log.ts'
import { PacEngines } from './pac-engines.ts'

export interface PacEnginesOptions {
  readonly clock: Clock
  readonly resolver: Resolver
  readonly log: Log
  readonly env: Readonly<Record<string, string | undefined>>
}

export function createPacEngines(_options: PacEnginesOptions): PacEngines {
  return new PacEngines(async () => {
    throw new GatewayError('PAC_FAILED', 'not yet')
  })
}
