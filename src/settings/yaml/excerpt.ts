import { maskAnyUserInfo } from '../../wire/mask-user-info.ts'
import type { Excerpt } from '../problem.ts'
import { lineStart } from './line-start.ts'
import type { Range } from './secret-ranges.ts'

/**
 * The line around a place, fit to be shown: secrets masked, control characters replaced, long lines cut. The mask has one length, whatever it
 * hides. Where the text could not be read as YAML, lines are masked by their looks.
 */
export function makeExcerpt(text: string, offset: number, secrets: readonly Range[]): Excerpt {
  const start = lineStart(text, offset)
  const newline = text.indexOf('\n', offset)
  const end = newline < 0 ? text.length : newline
  const before = mask(text, start, offset, secrets)
  const after = mask(text, offset, end, secrets)
  const line = maskByLooks(mask(text, start, end, secrets).shown)
  // Masked in two halves, the left half tells where the caret goes; masked by looks it may have become shorter.
  const left = maskByLooks(before.shown)
  const inMask = before.open && after.shown.startsWith(MASK)
  return cut(line.replace(/\r$/, ''), Math.min(inMask ? left.length - MASK.length : left.length, line.length))
}

const MASK = '***'

/** Columns of a terminal that the line may take, of which so many before the caret. */
const MAX_WIDTH = 100
const BEFORE_CARET = 60

function mask(text: string, from: number, to: number, secrets: readonly Range[]) {
  let shown = ''
  let at = from
  let open = false
  for (const [start, end] of secrets) {
    if (end <= at || start >= to) continue
    shown += text.slice(at, Math.max(at, start)) + MASK
    at = Math.min(end, to)
    open = end > to
  }
  return { shown: shown + text.slice(at, to), open }
}

/** For lines that the tree says nothing about: comments, and files with faults of syntax. */
function maskByLooks(line: string): string {
  return maskAnyUserInfo(
    line.replace(/(["']?(?:password|passphrase)["']?\s*:\s*)(?!["']?(?:env|file):)\S.*$/i, `$1${MASK}`),
  )
}

function cut(line: string, caret: number): Excerpt {
  const from = Math.max(0, Math.min(caret - BEFORE_CARET, line.length - MAX_WIDTH))
  const head = from > 0 ? '…' : ''
  const tail = from + MAX_WIDTH < line.length ? '…' : ''
  // One column each, so that the caret stays under its character.
  const shown = line.slice(from, from + MAX_WIDTH).replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
  return { text: head + shown + tail, caret: caret - from + head.length }
}
