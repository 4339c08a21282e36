import { type GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import type { ScriptInUse, Version } from './script-in-use.ts'

/** Loads the version in use anew for another network, where its global code asked for names: once, however often the network changes meanwhile. */
export class LoadAnew {
  readonly #inUse: ScriptInUse
  readonly #failed: (error: GatewayError) => void
  #network = 0
  #underWay: { readonly of: Version; readonly done: Promise<void> } | undefined

  constructor(inUse: ScriptInUse, failed: (error: GatewayError) => void) {
    this.#inUse = inUse
    this.#failed = failed
  }

  async networkChanged(): Promise<void> {
    this.#network++
    // What the script learnt of the old network is in its variables: only a new VM forgets it. As in Chromium.
    this.#inUse.beginAnew()
    const { version } = this.#inUse
    if (!version || version.loadNotes.used.length === 0) return
    // What its global code asks for is looked up before anybody waits for it. A load under way has just been told to begin from the start.
    if (this.#underWay?.of !== version) this.#underWay = { of: version, done: this.#load(version) }
    await this.#underWay.done
  }

  async #load(version: Version): Promise<void> {
    let network: number
    let error: GatewayError | undefined
    do {
      network = this.#network
      error = await this.#inUse
        .use(version.script, (before) => before === version)
        .then(() => undefined, toGatewayError)
      // What went wrong in a network that is no more says nothing, and another version may have been read meanwhile.
    } while (error && network !== this.#network && this.#inUse.version === version)
    if (this.#underWay?.of === version) this.#underWay = undefined
    // Where a name's turn did not come it stays in use, and asks again when it is asked.
    if (error && !saysNothing(error) && this.#inUse.version === version) this.#failed(error)
  }
}

/** Of a script that could not be loaded, or did not decide: its turn did not come, or that of a name that it asks for, which is no failure of the script. */
export function saysNothing(error: GatewayError): boolean {
  return error.code === 'LIMIT_REACHED'
}
