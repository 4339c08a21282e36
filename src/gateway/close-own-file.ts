import { linkSync, lstatSync, renameSync } from 'node:fs'
import type { Server } from 'node:net'
import type { ListenAddress } from '../wire/listen-address.ts'

/** The socket file that a server has made. */
export interface FileOfServer {
  readonly path: string
  /** While it listens, no other file gets the number. */
  readonly inode: bigint
}

/** Undefined where there is none. */
export function fileOf(address: ListenAddress): FileOfServer | undefined {
  if (address.kind !== 'unix') return undefined
  const inode = inodeAt(address.path)
  return inode === undefined ? undefined : { path: address.path, inode }
}

/**
 * Closes a server and takes its socket file away, but not one that somebody else has made at that path since: Node unlinks whatever is there. All in one
 * turn of the event loop; who connects in between finds nobody for some microseconds.
 */
export function closeOwnFile(server: Server, file: FileOfServer | undefined): void {
  const inode = file && inodeAt(file.path)
  if (file === undefined || inode === undefined || inode === file.inode) return void server.close()
  const aside = `${file.path}.${process.pid}`
  try {
    linkSync(file.path, aside)
  } catch {
    return void server.close()
  }
  server.close()
  renameSync(aside, file.path)
}

function inodeAt(path: string): bigint | undefined {
  try {
    return lstatSync(path, { bigint: true }).ino
  } catch {
    return undefined
  }
}
