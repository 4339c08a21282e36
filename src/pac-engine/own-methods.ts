/**
 * Whether a script may put methods of its own in the place of the language's, as polyfills do. Helpers are faster where it may not: they can call a string's methods as such. Taken from the text, also from
 * what is in quotes, for that may be run; with escapes in it, it may say anything.
 * What is put together (`String["proto" + "type"]`), or come by without these words (`Reflect.ownKeys(String)`), is seen after global code has run, by what is there then (`library/index.ts`); where a decision
 * does it, it goes unnoticed, and helpers may call the replacement.
 */
export function mayReplaceMethods(script: string): boolean {
  return /prototype|PrototypeOf|__proto__|constructor|\beval\b|\bFunction\b|\\[ux]/.test(script)
}
