import { createHash } from 'node:crypto'
import type { GatewayError } from '../contracts/gateway-error.ts'
import type { Scope } from '../contracts/target.ts'
import type { RunningPacEngine } from '../pac-engine/create-pac-engine.ts'
import type { PacStatus } from '../pac-engine/pac-status.ts'
import type { Script } from '../pac-engine/script-source.ts'
import type { PacSettings, Settings } from '../settings/settings.ts'

export interface PacWish {
  readonly source: PacSettings
  readonly onFailure: 'block' | 'lastGood' | 'direct'
  readonly scope: Scope
  readonly settings: Settings
}

/** An engine in use; it is closed when its last lease is released. */
export interface PacLease {
  readonly engine: RunningPacEngine
  /** Why the script does not load. Absent where this scope has it already: under the same settings, or under others without a version in use. */
  readonly fault?: GatewayError
  release(): void
}

/** `before`: the version in use of the same script under other settings. */
type CreateEngine = (wish: PacWish, before: Script | undefined) => RunningPacEngine

interface Entry {
  readonly engine: RunningPacEngine
  /** The same for all engines of a script, however it is to be used. */
  readonly place: string
  hasStarted: boolean
  /** One for each lease. */
  readonly scopes: Scope[]
}

/**
 * The PAC engines that run. One script is one engine, however many scopes and generations use it, so that a reload which does not touch
 * the script costs no new virtual machine and loses no cache.
 */
export class PacEngines {
  readonly #create: CreateEngine
  readonly #entries = new Map<string, Entry>()

  constructor(create: CreateEngine) {
    this.#create = create
  }

  /** Resolves when the engine has started, as of `ready`. */
  async lease(wish: PacWish): Promise<PacLease> {
    const key = keyOf(wish)
    const { scope } = wish
    const place = JSON.stringify(wish.source)
    const those = [...this.#entries.values()].filter((one) => one.place === place)
    let entry = this.#entries.get(key)
    // One that is still starting is being read right now, for the other scope most often.
    if (entry?.hasStarted && wish.source.kind !== 'embedded') {
      // The same place may hold another script by now. A file is read at once; a server may take its time, and the script at hand serves meanwhile.
      const reloaded = entry.engine.refresh()
      if (wish.source.kind === 'file') await reloaded
    }
    if (!entry) {
      const before = those.map(({ engine }) => engine.versionInUse).find((version) => version !== undefined)
      const made: Entry = {
        engine: this.#create(wish, before),
        place,
        hasStarted: false,
        scopes: [],
      }
      void made.engine.ready.then(() => {
        made.hasStarted = true
      })
      entry = made
      this.#entries.set(key, entry)
    }
    const { engine } = entry
    const ofScope = those.filter(({ scopes }) => scopes.includes(scope))
    const isKnown = ofScope.some((one) => one === entry || !one.engine.versionInUse)
    entry.scopes.push(scope)
    const release = this.#releaseOnce(key, entry, scope)
    await engine.ready
    const fault = isKnown ? undefined : engine.loadFault
    return { engine, release, ...(fault ? { fault } : {}) }
  }

  /** Those that have not started are not waited for any more: nobody will ask them. */
  giveUp(): void {
    for (const { engine, hasStarted } of this.#entries.values()) if (!hasStarted) void engine.close()
  }

  /** What scripts were told of the old network holds no longer. */
  networkChanged(): void {
    for (const { engine } of this.#entries.values()) void engine.ready.then(() => engine.networkChanged())
  }

  /** Of each script in use, for `status`. */
  status(): PacStatus[] {
    return [...this.#entries.values()].filter(({ hasStarted }) => hasStarted).map(({ engine }) => engine.status())
  }

  #releaseOnce(key: string, entry: Entry, scope: Scope): () => void {
    let released = false
    return () => {
      if (released) return
      released = true
      entry.scopes.splice(entry.scopes.indexOf(scope), 1)
      if (entry.scopes.length > 0) return
      this.#entries.delete(key)
      void entry.engine.close()
    }
  }
}

/** Settings that make the same engine. Passwords of `via` show as `***` in JSON, and another password is another way: so a digest of them stands beside it. */
function keyOf({ source, onFailure, settings: { pac, trust } }: PacWish): string {
  const secrets = createHash('sha256')
  for (const { credentials } of pac.via) secrets.update(`${credentials?.password.reveal() ?? ''}\0`)
  return JSON.stringify([source, onFailure, pac, trust, secrets.digest('hex')])
}

/** For people: a path, a URL without its secrets, or `embeddedPac`. */
export function describePac(source: PacSettings): string {
  switch (source.kind) {
    case 'file':
      return source.path
    case 'url':
      return withoutSecrets(source.url)
    case 'embedded':
      return 'embeddedPac'
  }
}

/** Without user information, and without the query, where tokens stand. */
function withoutSecrets(url: string): string {
  const parsed = new URL(url)
  return `${parsed.origin === 'null' ? `${parsed.protocol}//` : parsed.origin}${parsed.pathname}`
}
