/**
 * Keys whose values are taken for secrets when text is shown: those of the schema and whatever looks like them, for a misspelt key is the
 * very case in which its line is quoted.
 */
export const SECRET_KEY = /pas+\w*(?:w\w*d|phrase)|pwd|secret|token|credential|auth|users?|username/i

export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key)
}
