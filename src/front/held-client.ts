import { EVERYTHING, FrontClient } from './front-client.ts'
import type { FrontClientHost, Leaving } from './front-client-host.ts'
import type { FrontDoor } from './front-door.ts'
import type { HeldSyn, HoldQueue } from './hold-queue.ts'

/** Milliseconds from "you may" to the connection: the client's ACK is one round trip on a bridge away. */
const ARRIVAL_MS = 3_000

export interface HeldClientOwner {
  /** Its connection has come, or is expected no more; `given`: the gateway's door has the attempt. */
  expectedNoMore(client: HeldClient, given: boolean): void
  /** Once: nothing of it is here any more. */
  left(client: HeldClient): void
}

/** A client that asks by a connection attempt, which the kernel holds until the way out stands. */
export class HeldClient extends FrontClient {
  /** By which its connection will be known. */
  readonly attempt: string
  /** Who has its address, and it counts as. */
  readonly client: string
  syn: HeldSyn
  #queue: HoldQueue
  readonly #owner: HeldClientOwner

  constructor(
    id: number,
    row: number,
    door: FrontDoor,
    host: FrontClientHost,
    { attempt, client, syn, queue }: Pick<HeldClient, 'attempt' | 'client' | 'syn'> & { readonly queue: HoldQueue },
    owner: HeldClientOwner,
  ) {
    super(id, row, door, host)
    this.attempt = attempt
    this.client = client
    this.syn = syn
    this.#queue = queue
    this.#owner = owner
    this.port = syn.dialled.port
  }

  override start(): void {
    this.state = 'asked'
    const { source, dialled } = this.syn
    const { address: host, family, port } = dialled
    this.host.asks(this, { protocol: 'captured', target: { host, family, port } }, source)
  }

  override give(): void {
    if (this.state !== 'asked' && this.state !== 'dialling') return
    this.leave({ kind: 'given-held', syn: this.syn })
  }

  /** The client says it again. The newer packet is held, for the kernel may have lost the older one: with the rules, when they are put anew. */
  repeated({ packet, hold }: HeldSyn, queue: HoldQueue): void {
    const before = this.#queue
    this.#queue = queue
    if (this.awaited) queue.accept(packet)
    else {
      before.drop(this.syn.packet)
      this.syn = { ...this.syn, packet, hold }
    }
  }

  get awaited(): boolean {
    return this.state === 'awaited'
  }

  /** Its connection has come. */
  arrived(fd: number): void {
    this.fd = fd
    this.host.holds(this.row, 'client', fd)
    if (!this.host.loop.watch(fd, EVERYTHING, this)) {
      this.leave({ kind: 'gone' })
      return
    }
    this.#owner.expectedNoMore(this, false)
    this.begin(undefined)
  }

  protected override wayStands(): void {
    this.state = 'awaited'
    this.impatientAt = this.host.now() + ARRIVAL_MS
    this.#queue.accept(this.syn.packet)
  }

  protected override impatient(): void {
    if (this.state === 'awaited') this.leave({ kind: 'gone' })
    else super.impatient()
  }

  /** There is no descriptor of its own before the tunnel stands. */
  protected override spoke(): void {}

  protected override leave(how: Leaving): void {
    if (how.kind === 'gone' && this.state !== 'awaited') this.#queue.drop(this.syn.packet)
    if (this.state !== 'tunnel') this.#owner.expectedNoMore(this, how.kind === 'given-held')
    this.#owner.left(this)
    super.leave(how)
  }
}
