import { type ExcludeList, ExcludeListError, parseExcludeList } from '../wire/exclude-list.ts'
import { targetFromUrl } from '../wire/target.ts'
import { LineFault, runBatch } from './batch.ts'
import type { Io } from './io.ts'

/** `fairlead bypass --batch`: how an exclude list is understood. */
export function runBypass(file: string, io: Io): Promise<number> {
  return runBatch(file, io, (line) => {
    const { exclude, url } = line
    if (!isExclude(exclude)) throw new LineFault('BAD_LINE', '"exclude" must be a text or a list of texts')
    if (typeof url !== 'string') throw new LineFault('BAD_LINE', '"url" must be a text')
    const { target, scheme } = targetFromUrl(url)
    return { bypass: read(exclude).match(target, scheme) !== undefined }
  })
}

function isExclude(value: unknown): value is string | string[] {
  return typeof value === 'string' || (Array.isArray(value) && value.every((entry) => typeof entry === 'string'))
}

function read(exclude: string | string[]): ExcludeList {
  try {
    return parseExcludeList(exclude)
  } catch (thrown) {
    if (thrown instanceof ExcludeListError) throw new LineFault('BAD_EXCLUDE', thrown.message)
    throw thrown
  }
}
