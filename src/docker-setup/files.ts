import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { chown, lstat, mkdir, open, readlink, realpath, rename, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, relative, resolve } from 'node:path'
import { parseRecord, type UndoRecord } from './plan.ts'
import { DockerSetupError, NotPermittedError } from './setup-error.ts'

/** A file of Docker's with the record of what was done to it. */
export interface SetupFile {
  /** As it was named, for people. */
  readonly path: string
  readonly text: string | null
  readonly record: UndoRecord | null
  /** There is a record, and it is another user's to read: what was done before is not known. */
  readonly hidden?: NotPermittedError
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
  try {
    const record = await readText(recordPath(place), recordPath(path), MAX_RECORD)
    return { path, text, record: record === null ? null : parseRecord(recordPath(path), record) }
  } catch (thrown) {
    if (!(thrown instanceof NotPermittedError)) throw thrown
    return { path, text, record: null, hidden: thrown }
  }
}

/**
 * Puts file and record to what they shall be, each in one step. The record is there before the change and goes after it, so that whenever this is
 * interrupted, what can be undone is known. A file keeps its mode and owner; a symbolic link stays one. `mode` is that of a new file.
 *
 * What others have written since `before` was read is never lost: then nothing is written, and that is the error.
 */
export async function writeSetupFile(
  before: SetupFile,
  after: Pick<SetupFile, 'text' | 'record'>,
  mode: number,
): Promise<void> {
  if (isSame(before, after)) return
  const place = await followLinks(before.path)
  const folder = dirname(place)
  let made: string | undefined
  let staged: string | undefined
  try {
    // The folder of a file that others read is one that they may enter.
    if (after.record) made = await mkdir(folder, { recursive: true, mode: mode === RECORD_MODE ? 0o700 : 0o755 })
    if (after.text !== null && after.text !== before.text) staged = await stage(place, after.text, mode)
    if (!isSame(await readSetupFile(before.path), before)) throw changedMeanwhile(before)
    const madeFolder = made ?? before.record?.madeFolder
    if (after.record) await writeRecord(place, { ...after.record, ...(madeFolder === undefined ? {} : { madeFolder }) })
    try {
      // Once more, with nothing between it and the change but the call itself.
      if ((await readText(place, before.path, MAX_FILE)) !== before.text) throw changedMeanwhile(before)
      if (staged !== undefined) await rename(staged, place)
      else if (after.text === null) await rm(place, { force: true })
    } catch (thrown) {
      await writeRecord(place, before.record)
      throw thrown
    }
    if (after.record) return
    await writeRecord(place, null)
    if (after.text === null && before.record?.madeFolder) await removeFolders(folder, before.record.madeFolder)
  } catch (thrown) {
    if (staged !== undefined) await rm(staged, { force: true }).catch(() => {})
    if (made !== undefined) await removeFolders(folder, made)
    if (thrown instanceof DockerSetupError) throw thrown
    const { code } = thrown as NodeJS.ErrnoException
    const message = `cannot write ${before.path}: ${code ?? String(thrown)}`
    throw isForbidden(code) ? new NotPermittedError(message, AS_OWNER) : new DockerSetupError(message)
  }
}

function isSame(one: Pick<SetupFile, 'text' | 'record'>, other: Pick<SetupFile, 'text' | 'record'>): boolean {
  return one.text === other.text && JSON.stringify(one.record) === JSON.stringify(other.record)
}

function changedMeanwhile({ path }: SetupFile): DockerSetupError {
  return new DockerSetupError(
    `${path} was changed by somebody else meanwhile, and was left as it is now`,
    'Run the command again.',
  )
}

const AS_OWNER = 'Run the command as the file’s owner (sudo).'

function isForbidden(code: string | undefined): boolean {
  return code === 'EACCES' || code === 'EPERM'
}

/** The record holds the whole file, and a client's has log-ins in it. */
const RECORD_MODE = 0o600

async function writeRecord(file: string, record: UndoRecord | null): Promise<void> {
  const path = recordPath(file)
  if (!record) return rm(path, { force: true })
  await rename(await stage(path, `${JSON.stringify(record, undefined, 1)}\n`, RECORD_MODE), path)
}

/** The file that will be, beside the one that is, with the same mode and owner; its name. */
async function stage(path: string, text: string, newMode: number): Promise<string> {
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
    return temporary
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
    const message = `cannot read ${shown}: ${code ?? String(thrown)}`
    throw isForbidden(code) ? new NotPermittedError(message, AS_OWNER) : new DockerSetupError(message)
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
