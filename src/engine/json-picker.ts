import { EngineError } from './engine-error.ts'

/**
 * What of a JSON text is kept: a value as it is, the members of an object that are named here, or the members of an object that are labels, as far as
 * there is room for them. What holds for an array holds for each of its elements.
 */
export type Kept = 'all' | 'labels' | { readonly [name: string]: Kept }

export interface PickLimits {
  /** Levels of arrays and objects. */
  readonly depth: number
  /** Bytes of what is kept. */
  readonly kept: number
}

/** Bytes of a label's name and of its value as they stand in JSON, where one character can take six. */
const MAX_LABEL_NAME = 6 * 255
const MAX_LABEL_VALUE = 6 * 4096
/** And of those that are kept always: they are names. */
const MAX_NAME_VALUE = 6 * 255
/** Bytes of the labels of one object: an image's author writes as many as a registry takes, 4 MB; hundreds fit here. */
const MAX_LABELS = 128 * 1024
/** Bytes of all labels of one text: as much as ten thousand containers with compose's labels have. */
const MAX_ALL_LABELS = 16 * 1024 * 1024
/** What names and rules hang on most is kept whatever else there is: nobody can push it out. */
const ALWAYS = new Set(['project', 'service', 'oneoff'].map((one) => `com.docker.compose.${one}`))

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

interface Frame {
  readonly isObject: boolean
  /** Absent: nothing of it is kept. */
  readonly kept: Kept | undefined
  expectsName: boolean
  /** Members that are written. */
  count: number
  /** Where the member under way begins in what is written, and the end of its name. */
  start: number
  named: number
  /** Of labels: the member's name while it is written, the bytes that are left, and whether one was left out without its name. */
  name: string | undefined
  room: number
  isShort: boolean
}

/**
 * Reads JSON (RFC 8259, UTF-8) piece by piece and keeps of it only what is wanted, so that text which nobody asked for, however much it is, costs no
 * memory. Of a label whose value is too long `null` is kept as its value; where labels were left out altogether, a member `"":null` says so.
 */
export class JsonPicker {
  readonly #limits: PickLimits
  readonly #frames: Frame[] = []
  #out: Buffer = Buffer.allocUnsafe(64 * 1024)
  #size = 0
  /** What holds for the value that comes next. */
  #kept: Kept | undefined
  /** Whether the value under way is written; where a part of it must end; whether it was longer than that. */
  #writes = true
  #end: number
  #isOverlong = false
  #inString = false
  #isEscaped = false
  #labelRoom = MAX_ALL_LABELS

  constructor(kept: Kept, limits: PickLimits) {
    this.#kept = kept
    this.#limits = limits
    this.#end = limits.kept
  }

  /** Throws an `EngineError` where a limit is passed. */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += 1) {
      const octet = chunk[at]!
      if (this.#inString) this.#inside(octet)
      else this.#between(octet)
    }
  }

  /** What was kept, as a value. Throws a `SyntaxError` where it is no JSON. */
  finish(): unknown {
    if (this.#frames.length > 0 || this.#inString) throw new SyntaxError('the JSON has no end')
    return JSON.parse(this.#out.toString('utf8', 0, this.#size))
  }

  #inside(octet: number): void {
    this.#put(octet)
    if (this.#isEscaped) this.#isEscaped = false
    else if (octet === BACKSLASH) this.#isEscaped = true
    else if (octet === QUOTE) {
      this.#inString = false
      const frame = this.#frames.at(-1)
      if (frame?.isObject && frame.expectsName) this.#endName(frame)
    }
  }

  #between(octet: number): void {
    const frame = this.#frames.at(-1)
    if (octet === OPEN_ARRAY || octet === OPEN_OBJECT) this.#open(octet)
    else if (octet === CLOSE_ARRAY || octet === CLOSE_OBJECT) this.#close(octet)
    else if (octet === COMMA && frame?.isObject) {
      this.#endMember(frame)
      frame.expectsName = true
    } else {
      if (octet === QUOTE) {
        if (frame?.isObject && frame.expectsName) this.#beginName(frame)
        this.#inString = true
      } else if (octet === COLON && frame) frame.expectsName = false
      this.#put(octet)
    }
  }

  #open(octet: number): void {
    if (this.#frames.length === this.#limits.depth) {
      throw new EngineError(`the answer is nested deeper than ${this.#limits.depth} levels`)
    }
    this.#put(octet)
    const isObject = octet === OPEN_OBJECT
    this.#frames.push({
      isObject,
      kept: this.#writes ? this.#kept : undefined,
      expectsName: isObject,
      ...{ count: 0, start: 0, named: 0, name: undefined, room: MAX_LABELS, isShort: false },
    })
  }

  #close(octet: number): void {
    const frame = this.#frames.pop()
    if (frame?.kept !== undefined) {
      this.#endMember(frame)
      this.#writes = true
      if (frame.isShort) this.#putText(frame.count > 0 ? ',"":null' : '"":null')
    }
    this.#put(octet)
    const outer = this.#frames.at(-1)
    this.#kept = outer?.isObject ? undefined : outer?.kept
    this.#writes = outer === undefined || outer.kept !== undefined
  }

  #beginName(frame: Frame): void {
    this.#writes = frame.kept !== undefined
    if (!this.#writes) return
    frame.start = this.#size
    if (frame.count > 0) this.#put(COMMA)
    if (frame.kept !== 'all') this.#end = Math.min(this.#size + MAX_LABEL_NAME, this.#limits.kept)
  }

  #endName(frame: Frame): void {
    if (frame.kept === undefined) return
    this.#kept = 'all'
    frame.count += 1
    if (frame.kept === 'all') return
    const from = frame.start + (frame.count > 1 ? 1 : 0)
    const name = this.#isOverlong ? undefined : nameIn(this.#out.toString('utf8', from, this.#size))
    this.#end = this.#limits.kept
    this.#isOverlong = false
    if (frame.kept !== 'labels') {
      this.#kept = name !== undefined && Object.hasOwn(frame.kept, name) ? frame.kept[name] : undefined
      if (this.#kept === undefined) this.#drop(frame)
    } else if (name === undefined) this.#dropLabel(frame)
    else {
      frame.name = name
      frame.named = this.#size
      const most = ALWAYS.has(name) ? MAX_NAME_VALUE : MAX_LABEL_VALUE
      this.#end = Math.min(this.#size + most, this.#limits.kept)
    }
  }

  #endMember(frame: Frame): void {
    const { name } = frame
    if (frame.kept !== 'labels' || name === undefined) return
    frame.name = undefined
    this.#end = this.#limits.kept
    if (this.#isOverlong) {
      this.#isOverlong = false
      this.#size = frame.named
      this.#writes = true
      this.#putText(':null')
    }
    if (ALWAYS.has(name)) return
    const bytes = this.#size - frame.start
    if (bytes > frame.room || bytes > this.#labelRoom) this.#dropLabel(frame)
    else {
      frame.room -= bytes
      this.#labelRoom -= bytes
    }
  }

  #dropLabel(frame: Frame): void {
    frame.isShort = true
    this.#drop(frame)
  }

  /** What is written of the member under way is taken back, and nothing more of it is written. */
  #drop(frame: Frame): void {
    frame.count -= 1
    this.#size = frame.start
    this.#writes = false
  }

  #putText(text: string): void {
    for (const octet of Buffer.from(text)) this.#put(octet)
  }

  #put(octet: number): void {
    if (!this.#writes) return
    if (this.#size >= this.#end) {
      if (this.#end === this.#limits.kept) throw new EngineError(`the answer is larger than ${this.#end} bytes`)
      this.#writes = false
      this.#isOverlong = true
      return
    }
    if (this.#size === this.#out.length) {
      const larger = Buffer.allocUnsafe(this.#out.length * 2)
      this.#out.copy(larger)
      this.#out = larger
    }
    this.#out[this.#size++] = octet
  }
}

function nameIn(json: string): string | undefined {
  try {
    const name: unknown = JSON.parse(json)
    return typeof name === 'string' ? name : undefined
  } catch {
    return undefined
  }
}
