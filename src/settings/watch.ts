import type { Clock } from '../contracts/clock.ts'
import { type Loaded, type LoadOptions, loadSettings } from './load.ts'
import { SettingsError } from './problem.ts'
import { type SeenFiles, stateOf } from './seen-files.ts'

/** What a change came to. Where it is an error, the receiver keeps the settings it has. */
export type Change =
  | { readonly loaded: Loaded; readonly error?: undefined }
  | { readonly loaded?: undefined; readonly error: unknown }

export interface WatchOptions {
  readonly load: LoadOptions
  readonly clock: Clock
  /** What runs now, and the files it was made of. */
  readonly current: Pick<Loaded, 'file' | 'files'>
  onChange(change: Change): void
  /** Milliseconds between looks. Default 1000. */
  readonly intervalMs?: number
  /** Milliseconds that the files must have been left alone before they are read. Default 250. */
  readonly settleMs?: number
}

export interface SettingsWatch {
  /** Reads the files now, changed or not (SIGHUP), and calls `onChange` before it resolves. */
  reload(): Promise<Change>
  close(): void
}

/** A second is soon enough for a person who has saved a file, and a few `stat` calls a second cost nothing. */
const INTERVAL_MS = 1_000
/** Editors and Kubernetes replace several files one after the other, within milliseconds. */
const SETTLE_MS = 250

/**
 * Watches the settings file and every file it refers to, by looking at them. The kernel's own notices are tied to inodes: they miss a
 * rename over the file, a symbolic link swapped somewhere along the path (as Kubernetes does with `..data`), and network file systems.
 */
export function watchSettings(options: WatchOptions): SettingsWatch {
  const { load, clock, onChange, intervalMs = INTERVAL_MS, settleMs = SETTLE_MS } = options
  let seen: SeenFiles = options.current.files
  let inForce: string | undefined = options.current.file
  let cancel = () => {}
  let closed = false
  let running: Promise<unknown> = Promise.resolve()

  /** One after the other: a look while files are being read would see a change that is already on its way. */
  const enqueue = <T>(task: () => Promise<T>): Promise<T> => {
    const result = running.then(task)
    running = result.catch(() => {})
    return result
  }

  const read = async (): Promise<Change> => {
    const change = await loadSettings(load).then(
      (loaded): Change => {
        if (inForce !== undefined && loaded.file === undefined) return { error: lost(inForce, loaded, 'is gone') }
        return loaded.file !== undefined && loaded.isBlank
          ? { error: lost(loaded.file, loaded, 'is empty') }
          : { loaded }
      },
      (error: unknown): Change => ({ error }),
    )
    inForce = change.loaded?.file ?? inForce
    seen = change.loaded?.files ?? (change.error instanceof SettingsError ? change.error.files : seen)
    if (!closed) onChange(change)
    return change
  }

  const look = async (before?: SeenFiles): Promise<void> => {
    const now = new Map<string, string>()
    for (const file of seen.keys()) now.set(file, await stateOf(file))
    if (isSame(now, seen)) return next(intervalMs)
    if (!before || !isSame(now, before)) return next(settleMs, now)
    await read()
    next(intervalMs)
  }

  const next = (ms: number, before?: SeenFiles): void => {
    if (!closed) cancel = clock.after(ms, () => void enqueue(() => look(before)))
  }

  next(intervalMs)
  return {
    reload: () => enqueue(read),
    close() {
      closed = true
      cancel()
    },
  }
}

/**
 * Without a file there would be the defaults, and they send everything direct: losing a file must not open what it kept shut. One without a word in it may be
 * about to be written, or could not be, for want of room.
 */
function lost(file: string, { files }: Loaded, how: string): SettingsError {
  const message = `the settings file ${how}`
  const hint = 'Put it back. To have the defaults, write {} into it, or start again without it.'
  return new SettingsError([{ file, line: 0, column: 0, path: '', message, hint }], files)
}

function isSame(one: SeenFiles, other: SeenFiles): boolean {
  return one.size === other.size && [...one].every(([file, state]) => other.get(file) === state)
}
