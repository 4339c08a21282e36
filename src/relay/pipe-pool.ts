import { close, makePipe, O_CLOEXEC, O_NONBLOCK, setPipeBytes } from '../system/linux/descriptors.ts'

export interface Pipe {
  readonly out: number
  readonly in: number
}

/** Bytes one large pipe may hold, the most that an unprivileged user may ask for; a quarter of it cost a fifth more CPU per byte. */
export const PIPE_BYTES = 1024 * 1024

/** Large pipes of one worker that may hold bytes at once: 64 MiB, all that the kernel lets an unprivileged user have in pipes. */
const MAX_LARGE_PIPES = 64

/** Pipes that may hold bytes at once, one for each slow reader; those beyond the large ones have the kernel's 64 KiB. Then bytes are copied. */
const MAX_PIPES = 256

/** Empty pipes kept for the next use; a tunnel that flows takes one and gives it back at every wake-up. */
const MAX_SPARE = 16

/** Pipes exist while bytes are on their way, so that a quiet tunnel has none. */
export class PipePool {
  readonly #spare: Pipe[] = []
  readonly #ends = new Int32Array(2)
  readonly #most: number
  #lent = 0

  constructor(most = MAX_PIPES) {
    this.#most = most
  }

  /** `undefined` when there are none left, of ours or of the system's. */
  take(): Pipe | undefined {
    if (this.#lent >= this.#most) return undefined
    const pipe = this.#spare.pop() ?? this.#make()
    if (pipe) this.#lent += 1
    return pipe
  }

  give(pipe: Pipe, empty: boolean): void {
    this.#lent -= 1
    if (empty && this.#spare.length < MAX_SPARE) this.#spare.push(pipe)
    else closePipe(pipe)
  }

  close(): void {
    for (const pipe of this.#spare.splice(0)) closePipe(pipe)
  }

  #make(): Pipe | undefined {
    if (makePipe(this.#ends, O_NONBLOCK | O_CLOEXEC) < 0) return undefined
    const pipe = { out: this.#ends[0]!, in: this.#ends[1]! }
    if (this.#lent < MAX_LARGE_PIPES) setPipeBytes(pipe.in, PIPE_BYTES) // if refused it stays small, and works as well
    return pipe
  }
}

function closePipe(pipe: Pipe): void {
  close(pipe.in)
  close(pipe.out)
}
