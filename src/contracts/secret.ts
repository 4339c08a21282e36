import { inspect } from 'node:util'

/**
 * Text that must never be printed. However it is shown (string, JSON, `console.log`, pino), it reads `***`;
 * only `reveal()`, called where the bytes go on the wire, gives it.
 */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  toString(): string {
    return '***'
  }

  toJSON(): string {
    return '***'
  }

  [inspect.custom](): string {
    return '***'
  }
}

/** User and password for one proxy hop or one door, already percent-decoded. */
export interface Credentials {
  readonly username: string
  readonly password: Secret
}
