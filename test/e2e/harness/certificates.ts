import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeAuthority, type TestAuthority } from '../../../certs/make-certs.ts'

/** One server's certificate, in files as the programs want them. */
export interface Leaf {
  readonly cert: string
  readonly key: string
}

/** The authority that every TLS server of a scenario file has its certificate from. Its own key stays in memory. */
export class TestCa {
  readonly #authority: TestAuthority
  readonly #folder: string
  readonly #leaves = new Map<string, Promise<Leaf>>()
  /** The file that clients and Fairlead are told to trust. */
  readonly file: string

  private constructor(authority: TestAuthority, folder: string) {
    this.#authority = authority
    this.#folder = folder
    this.file = join(folder, `${process.pid}-ca.pem`)
    writeFileSync(this.file, authority.cert)
  }

  static async create(folder: string): Promise<TestCa> {
    return new TestCa(await makeAuthority(), folder)
  }

  get pem(): string {
    return this.#authority.cert
  }

  leaf(...names: [string, ...string[]]): Promise<Leaf> {
    const known = this.#leaves.get(names[0])
    if (known) return known
    const made = this.#make(names)
    this.#leaves.set(names[0], made)
    return made
  }

  async #make(names: [string, ...string[]]): Promise<Leaf> {
    const { cert, key } = await this.#authority.issue({ names })
    const base = join(this.#folder, `${process.pid}-${names[0]}`)
    const leaf = { cert: `${base}.pem`, key: `${base}.key` }
    writeFileSync(leaf.cert, cert)
    // Apache and squid read it before they give up root.
    writeFileSync(leaf.key, key, { mode: 0o600 })
    return leaf
  }
}
