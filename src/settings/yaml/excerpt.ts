import type { Excerpt } from '../problem.ts'
import { lineStart } from './line-start.ts'
import { lookRanges } from './secret-looks.ts'
import type { Range } from './secret-ranges.ts'

/**
 * The line around a place, fit to be shown: secrets masked, control characters replaced, long lines cut. The mask has one length, whatever it
 * hides.
 */
export function makeExcerpt(
  text: string,
  offset: number,
  secretsOn: (start: number, end: number) => readonly Range[],
): Excerpt {
  const start = lineStart(text, offset)
  const newline = text.indexOf('\n', offset)
  const end = newline < 0 ? text.length : newline - (text[newline - 1] === '\r' && newline > offset ? 1 : 0)
  const ranges = [...secretsOn(start, end), ...lookRanges(text, start, end)].sort((a, b) => a[0] - b[0])
  let shown = ''
  let at = start
  let caret: number | undefined
  const show = (to: number): void => {
    if (offset >= at && offset < to) caret ??= shown.length + offset - at
    shown += text.slice(at, to)
    at = to
  }
  for (const [from, to] of ranges) {
    if (to <= at || from >= end) continue
    show(Math.max(at, from))
    if (offset >= at && offset < to) caret ??= shown.length
    shown += MASK
    at = Math.min(to, end)
  }
  show(end)
  return cut(shown, caret ?? shown.length)
}

const MASK = '***'

/** Columns of a terminal that the line may take, of which so many before the caret. */
const MAX_WIDTH = 100
const BEFORE_CARET = 60

function cut(line: string, caret: number): Excerpt {
  const from = Math.max(0, Math.min(caret - BEFORE_CARET, line.length - MAX_WIDTH))
  const head = from > 0 ? '…' : ''
  const tail = from + MAX_WIDTH < line.length ? '…' : ''
  // One column each, so that the caret stays under its character.
  const shown = line.slice(from, from + MAX_WIDTH).replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
  return { text: head + shown + tail, caret: caret - from + head.length }
}
