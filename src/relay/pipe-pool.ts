import { close, makePipe, O_CLOEXEC, O_NONBLOCK, setPipeBytes } from './linux.ts'

export interface Pipe {
  readonly out: number
  readonly in: number
}

/** Bytes one pipe may hold: 64 pages' worth of slots. Larger gave no more throughput, and an unprivileged user may have 64 MiB of pipes in all. */
export const PIPE_BYTES = 256 * 1024

/** Pipes of one worker that may hold bytes at once: one for each slow reader. Beyond it bytes are copied through user space. */
const MAX_PIPES = 256

/** Empty pipes kept for the next use; a tunnel that flows takes one and gives it back at every wake-up. */
const MAX_SPARE = 16

/** Pipes exist while bytes are on their way, so that a quiet tunnel has none. */
export class PipePool {
  readonly #spare: Pipe[] = []
  readonly #ends = new Int32Array(2)
  #lent = 0

  /** `undefined` when there are none left, of ours or of the system's. */
  take(): Pipe | undefined {
    if (this.#lent >= MAX_PIPES) return undefined
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
    setPipeBytes(pipe.in, PIPE_BYTES) // refused beyond the user's share: the pipe is then smaller, and as good
    return pipe
  }
}

function closePipe(pipe: Pipe): void {
  close(pipe.in)
  close(pipe.out)
}
