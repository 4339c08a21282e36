import { close, makePipe, O_CLOEXEC, O_NONBLOCK, setPipeBytes } from '../system/linux/descriptors.ts'

export interface Pipe {
  /** Whether it holds PIPE_BYTES. */
  readonly isLarge: boolean
  readonly out: number
  readonly in: number
}

/** Bytes one large pipe may hold, the most that an unprivileged user may ask for; a quarter of it cost a fifth more CPU per byte. */
export const PIPE_BYTES = 1024 * 1024

/**
 * Large pipes of all threads: 32 MiB, half of what the kernel lets an unprivileged user have in pipes (pipe(7), pipe-user-pages-soft), whatever is in them. Beyond that
 * every new pipe of the user has two pages, those of other programs too.
 */
const MAX_LARGE_PIPES = 32

/** Pipes of all threads, one for each slow reader; those beyond the large ones have the kernel's 64 KiB: 14 MiB in all. Then bytes are copied. */
const MAX_PIPES = 256

/** Empty pipes that a thread keeps for the next use; a tunnel that flows takes one and gives it back at every wake-up. */
export const MAX_SPARE_PIPES = 4

/** What one thread may have. */
export interface PipeShare {
  readonly most: number
  readonly large: number
  readonly spare: number
}

/** One thread's part, of so many. */
export function pipeShare(threads: number): PipeShare {
  const large = Math.max(1, Math.floor(MAX_LARGE_PIPES / threads))
  return { most: Math.max(1, Math.floor(MAX_PIPES / threads)), large, spare: Math.min(MAX_SPARE_PIPES, large) }
}

/** Pipes exist while bytes are on their way, so that a quiet tunnel has none. */
export class PipePool {
  readonly #spare: Pipe[] = []
  readonly #ends = new Int32Array(2)
  readonly #share: PipeShare
  #lent = 0

  constructor(share: PipeShare) {
    this.#share = share
  }

  /** `undefined` when there are none left, of ours or of the system's. */
  take(): Pipe | undefined {
    if (this.#lent >= this.#share.most) return undefined
    const pipe = this.#spare.pop() ?? this.#make()
    if (pipe) this.#lent += 1
    return pipe
  }

  give(pipe: Pipe, empty: boolean): void {
    this.#lent -= 1
    // A small one would be in a large one's place for good.
    if (empty && pipe.isLarge && this.#spare.length < this.#share.spare) this.#spare.push(pipe)
    else closePipe(pipe)
  }

  close(): void {
    for (const pipe of this.#spare.splice(0)) closePipe(pipe)
  }

  #make(): Pipe | undefined {
    if (makePipe(this.#ends, O_NONBLOCK | O_CLOEXEC) < 0) return undefined
    const isLarge = this.#lent < this.#share.large
    const pipe = { isLarge, out: this.#ends[0]!, in: this.#ends[1]! }
    if (isLarge) setPipeBytes(pipe.in, PIPE_BYTES) // if refused it stays small, works as well, and is all that is to be had
    return pipe
  }
}

function closePipe(pipe: Pipe): void {
  close(pipe.in)
  close(pipe.out)
}
