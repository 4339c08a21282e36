import { z } from 'zod'
import type { Kept } from './json-picker.ts'

/** What is wanted of `GET /info`. */
export const INFO: Kept = { LiveRestoreEnabled: 'all' }

const infoSchema = z.object({ LiveRestoreEnabled: z.boolean() })

/** Reads the answer to `GET /info` of a Docker engine: whether its containers are known to go on when it ends. */
export function readLivesOn(answer: unknown): boolean {
  const parsed = infoSchema.safeParse(answer)
  return parsed.success && parsed.data.LiveRestoreEnabled
}
