import { z } from 'zod'
import { cleanText } from '../wire/clean-text.ts'
import type { EngineClient } from './engine-client.ts'
import { EngineError } from './engine-error.ts'

/** The newest version of the API that we know; in it endpoints have `DNSNames`. */
const NEWEST: Version = [1, 44]
/** What an engine must speak at least: that of Docker 1.12, and what Podman answers. */
const OLDEST: Version = [1, 24]

type Version = readonly [major: number, minor: number]

const versionSchema = z.object({
  Version: z.string().max(200).catch('unknown'),
  ApiVersion: z.string().max(20),
  MinAPIVersion: z.string().max(20).optional(),
  Components: z
    .array(z.object({ Name: z.string() }))
    .nullish()
    .catch(undefined),
})

export interface Negotiated {
  /** What requests begin with: `/v1.41`. */
  readonly prefix: string
  /** The engine's own version, for people. */
  readonly engine: string
  /** It says that it is Docker's own, and not another that speaks its API, as Podman's service does. */
  readonly isDocker: boolean
  /** It says that it is not. Engines of before 2018 say neither. */
  readonly isAnother: boolean
}

/** Settles on the newest version of the API that both sides know. Rejects with an `EngineError`. */
export async function negotiate(client: EngineClient, signal: AbortSignal): Promise<Negotiated> {
  const parsed = versionSchema.safeParse(await client.get('/version', signal))
  if (!parsed.success) throw new EngineError('what answers there is no Docker engine')
  const offered = parseVersion(parsed.data.ApiVersion)
  const least = parsed.data.MinAPIVersion === undefined ? OLDEST : parseVersion(parsed.data.MinAPIVersion)
  const chosen = isOlder(offered, NEWEST) ? offered : isOlder(NEWEST, least) ? least : NEWEST
  if (isOlder(chosen, OLDEST))
    throw new EngineError(`the engine’s API ${format(offered)} is older than ${format(OLDEST)}`)
  const isDocker = parsed.data.Components?.some(({ Name }) => Name === 'Engine')
  return {
    prefix: `/v${format(chosen)}`,
    engine: cleanText(parsed.data.Version, 40),
    isDocker: isDocker === true,
    isAnother: isDocker === false,
  }
}

function parseVersion(text: string): Version {
  const [, major, minor] = /^(\d{1,2})\.(\d{1,3})$/.exec(text) ?? []
  if (major === undefined) throw new EngineError('what answers there is no Docker engine: its API has no version')
  return [Number(major), Number(minor)]
}

function isOlder(a: Version, b: Version): boolean {
  return a[0] === b[0] ? a[1] < b[1] : a[0] < b[0]
}

function format([major, minor]: Version): string {
  return `${major}.${minor}`
}
