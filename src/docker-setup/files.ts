import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { chown, lstat, mkdir, open, readlink, realpath, rename, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, relative, resolve } from 'node:path'
import { parseRecord, type UndoRecord } from './plan.ts'
import { DockerSetupError } from './setup-error.ts'

/** A file of Docker's with the record of what was done to it. */
export interface SetupFile {
  /** As it was named, for people. */
  readonly path: string
  readonly text: string | null
  readonly record: UndoRecord | null
}

/** Bytes. Docker's own files have a few KiB, and certificates do not stand in them. */
const MAX_FILE = 1024 * 1024
/** A record holds the file and its parts. */
const MAX_RECORD = 8 * MAX_FILE

/** The record stands beside the file, so that whoever undoes finds it whatever their environment. */
function recordPath(file: string): string {
  return `${file}.fairlead-undo`
}

export async function readSetupFile(path: string): Promise<SetupFile> {
  const place = await followLinks(path)
  const text = await readText(place, path, MAX_FILE)
  const record = await readText(recordPath(place), recordPath(path), MAX_RECORD)
  return { path, text, record: record === null ? null : parseRecord(recordPath(path), record) }
}

/**
 * Puts file and record to what they shall be, each in one step. The record is there before the change and goes after it, so that whenever this is
 * interrupted, what can be undone is known. A file keeps its mode and owner; a symbolic link stays one. `mode` is that of a new file.
 */
export async function writeSetupFile(
  before: SetupFile,
  after: Pick<SetupFile, 'text' | 'record'>,
  mode: number,
): Promise<void> {
  const place = await followLinks(before.path)
  try {
    if (after.record) {
      // The folder of a file that others read is one that they may enter.
      const made =
        (await mkdir(dirname(place), { recursive: true, mode: mode === RECORD_MODE ? 0o700 : 0o755 })) ??
        before.record?.madeFolder
      const record = { ...after.record, ...(made === undefined ? {} : { madeFolder: made }) }
      await replaceFile(recordPath(place), `${JSON.stringify(record, undefined, 1)}\n`, RECORD_MODE)
    }
    if (after.text === null) await rm(place, { force: true })
    else if (after.text !== before.text) await replaceFile(place, after.text, mode)
    if (after.record) return
    await rm(recordPath(place), { force: true })
    if (after.text === null && before.record?.madeFolder) await removeFolders(dirname(place), before.record.madeFolder)
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException
    const hint = code === 'EACCES' || code === 'EPERM' ? 'Run the command as the file’s owner (sudo).' : undefined
    throw new DockerSetupError(`cannot write ${before.path}: ${code ?? String(thrown)}`, hint)
  }
}

/** The record holds the whole file, and a client's has log-ins in it. */
const RECORD_MODE = 0o600

async function replaceFile(path: string, text: string, newMode: number): Promise<void> {
  const old = await stat(path).catch(() => undefined)
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(temporary, 'wx', RECORD_MODE)
  try {
    await file.writeFile(text)
    await file.chmod(old ? old.mode & 0o7777 : newMode)
    await file.sync()
    await file.close()
    if (old && (old.uid !== process.getuid?.() || old.gid !== process.getgid?.()))
      await chown(temporary, old.uid, old.gid)
    await rename(temporary, path)
  } catch (thrown) {
    await file.close().catch(() => {})
    await rm(temporary, { force: true })
    throw thrown
  }
}

/** From the inner one out to the one that was made first, as far as nothing else has come into them. */
async function removeFolders(inner: string, outer: string): Promise<void> {
  for (let folder = inner; !relative(outer, folder).startsWith('..'); folder = dirname(folder)) {
    try {
      await rmdir(folder)
    } catch {
      return
    }
  }
}

async function readText(path: string, shown: string, limit: number): Promise<string | null> {
  try {
    // A FIFO would be waited for without end.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const found = await file.stat()
      if (!found.isFile()) throw new DockerSetupError(`${shown} is no ordinary file`)
      const { size } = found
      if (size > limit) throw new DockerSetupError(`${shown} is larger than ${limit / 1024} KiB`)
      // A byte order mark stays where it is: it is written back.
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await file.readFile())
    } finally {
      await file.close()
    }
  } catch (thrown) {
    if (thrown instanceof DockerSetupError) throw thrown
    if (thrown instanceof TypeError) throw new DockerSetupError(`${shown} is not UTF-8 text`)
    const { code } = thrown as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    const hint = code === 'EACCES' ? 'Run the command as the file’s owner (sudo).' : undefined
    throw new DockerSetupError(`cannot read ${shown}: ${code ?? String(thrown)}`, hint)
  }
}

/** Where a path really leads, also when nothing is there yet. */
async function followLinks(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    const isLink = await lstat(path).then(
      (found) => found.isSymbolicLink(),
      () => false,
    )
    return isLink ? resolve(dirname(path), await readlink(path)) : path
  }
}
