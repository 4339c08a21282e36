import { Secret } from '../../contracts/secret.ts'
import { kindOf } from './found.ts'
import { ValueError } from './value-error.ts'

/** Where a secret is to be had. */
export type SecretReference =
  | { readonly kind: 'literal'; readonly secret: Secret }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }

/** `env:NAME`, `file:/path`, or the secret itself. Messages never repeat the value. */
export function parseSecretReference(value: unknown): SecretReference {
  if (typeof value === 'number') {
    // 0123 and 123 are the same number: what was typed is lost by now.
    throw new ValueError('a password of digits only is read as a number', { expected, hint: 'Put it in quotes.' })
  }
  if (typeof value !== 'string') throw new ValueError(`the password is ${kindOf(value)}`, { expected })
  if (value.startsWith('env:')) {
    const name = value.slice('env:'.length)
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return { kind: 'env', name }
    throw new ValueError('env: is not followed by the name of an environment variable', {
      expected: 'env:NAME, of letters, digits and underscores',
    })
  }
  if (value.startsWith('file:')) {
    const path = value.slice('file:'.length).replace(/^\/\/(?=\/)/, '')
    if (path !== '' && !path.includes('\0')) return { kind: 'file', path }
    throw new ValueError('file: is not followed by a path', { expected: 'file:/path/to/secret' })
  }
  return { kind: 'literal', secret: new Secret(value) }
}

/** Whether a text says where the secret is, and so is none itself. */
export function isSecretReference(text: string): boolean {
  return /^(?:env:[A-Za-z_]\w*|file:.+)$/.test(text)
}

const expected = 'the password as text, env:NAME or file:/path'
