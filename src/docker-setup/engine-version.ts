import { execFile } from 'node:child_process'

/** The first engine that reads `proxies` in daemon.json; older ones refuse to start with a key they do not know. */
const FIRST_MAJOR = 23
/** Milliseconds; it prints a line and ends. */
const ASK_MS = 5_000

/** The version of the engine installed here; undefined where there is none, or it says nothing that can be read. */
export function installedEngineVersion(program = 'dockerd'): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, ['--version'], { timeout: ASK_MS }, (error, stdout) => {
      resolve(error ? undefined : /version (\d+\.[\w.+~-]+)/.exec(stdout)?.[1])
    })
  })
}

export function readsProxiesFromFile(version: string): boolean {
  return Number.parseInt(version, 10) >= FIRST_MAJOR
}
