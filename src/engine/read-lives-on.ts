import { z } from 'zod'
import type { Kept } from './json-picker.ts'

/** What is wanted of `GET /info`. */
export const INFO: Kept = { LiveRestoreEnabled: 'all' }

const infoSchema = z.object({ LiveRestoreEnabled: z.boolean() })

/** Reads the answer to `GET /info` of a Docker engine: whether its containers go on when it ends. Where it does not say, they may. */
export function readLivesOn(answer: unknown): boolean {
  const parsed = infoSchema.safeParse(answer)
  return !parsed.success || parsed.data.LiveRestoreEnabled
}
