import type { Router } from '../../contracts/route.ts'
import { whileWanted } from './while-wanted.ts'

/** The reverse door's route: always direct, by no rule of the settings. What may be reached is the dialer's to judge. */
export function createFixedRouter(generation: number, settled: (address: string) => Promise<void>): Router {
  const route = {
    decision: 'direct' as const,
    candidates: [{ hops: [] }],
    because: { source: 'default' as const, detail: 'the reverse door leads to containers; no rule applies' },
    generation,
  }
  return {
    async route({ target }, signal) {
      if (target.family !== 0) await whileWanted(settled(target.host), signal)
      return route
    },
  }
}
