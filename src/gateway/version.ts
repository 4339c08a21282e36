import { readFileSync } from 'node:fs'

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }

export const VERSION = manifest.version
/** Towards HTTP proxies, which log it. */
export const USER_AGENT = `Fairlead/${VERSION}`
