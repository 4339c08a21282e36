import { isAbsolute, join, resolve } from 'node:path'
import { Secret } from '../../contracts/secret.ts'
import type { KeyPath } from '../key-path.ts'
import { type BoundedText, readBounded, readBoundedBytes, reasonOf } from '../read-bounded.ts'
import { stateOf } from '../seen-files.ts'
import type { SecretReference } from '../values/secret-reference.ts'
import type { ResolveContext } from './context.ts'

/** Bytes of a file that holds one secret. The longest tokens in use have a few KiB. */
const MAX_SECRET_FILE = 64 * 1024

/** The secret itself; undefined after a problem has been noted. */
export async function readSecret(
  reference: SecretReference,
  path: KeyPath,
  context: ResolveContext,
): Promise<Secret | undefined> {
  switch (reference.kind) {
    case 'literal':
      return reference.secret
    case 'env': {
      const value = context.env[reference.name]
      if (value) return new Secret(value)
      context.problem(path, {
        message: `the environment variable ${reference.name} is ${value === undefined ? 'not set' : 'empty'}`,
        expected: 'the secret in it',
        hint: `Start Fairlead with ${reference.name} in its environment, or use file:/path.`,
      })
      return undefined
    }
    case 'file': {
      const file = absolutePath(reference.path, path, context)
      const read = await readReferenced(file, MAX_SECRET_FILE, path, context)
      if (!read) return undefined
      if (context.platform !== 'win32' && (read.mode & OTHERS_READ) !== 0) {
        context.warning(path, {
          message: `everybody on this machine can read ${file}`,
          expected: 'a file that only the gateway’s user can read',
          hint: `chmod o-r ${file}`,
        })
      }
      const text = read.text.replace(/\r?\n$/, '')
      if (text !== '') return new Secret(text)
      context.problem(path, { message: `${file} is empty`, expected: 'the secret in it' })
      return undefined
    }
  }
}

const OTHERS_READ = 0o004

/** Paths are relative to the file they stand in; `~/` is the home directory. */
export function absolutePath(written: string, path: KeyPath, context: ResolveContext): string {
  const home = context.env['HOME'] ?? context.env['USERPROFILE']
  if (home && /^~[/\\]/.test(written)) return join(home, written.slice(2))
  return isAbsolute(written) ? written : resolve(context.folderOf(path), written)
}

/** A text file that a value names; undefined after a problem has been noted. */
export function readReferenced(
  file: string,
  maxBytes: number,
  path: KeyPath,
  context: ResolveContext,
): Promise<BoundedText | undefined> {
  return noted(file, readBounded(file, maxBytes), path, context)
}

/** Notes a problem where a file that a value names cannot be read. What encoding it is in, whoever uses it finds out. */
export async function checkReferenced(
  file: string,
  maxBytes: number,
  path: KeyPath,
  context: ResolveContext,
): Promise<void> {
  await noted(file, readBoundedBytes(file, maxBytes), path, context)
}

async function noted<T extends { readonly state: string }>(
  file: string,
  reading: Promise<T>,
  path: KeyPath,
  context: ResolveContext,
): Promise<T | undefined> {
  try {
    const read = await reading
    context.files.set(file, read.state)
    return read
  } catch (error) {
    context.files.set(file, await stateOf(file))
    context.problem(path, { message: `cannot read ${file}: ${reasonOf(error)}`, expected: 'a file that can be read' })
    return undefined
  }
}
