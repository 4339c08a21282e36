import type { DnsEntry } from './vm-outcome.ts'

/** In the form the script should see. */
export interface Query {
  readonly url: string
  readonly host: string
  /** It begins again: what it was told of names before, which holds for it. */
  readonly held?: readonly DnsEntry[] | undefined
}

/** How a script is run. */
export interface Circumstances {
  /** Milliseconds since the epoch: what the script's clock says when it begins. */
  readonly now: number
  /** The clock stands still during the evaluation, for made-up times. */
  readonly frozen?: boolean
  /** Record the helper calls: a trace costs more than most decisions. */
  readonly trace: boolean
  /** What is known of names for this run only. */
  readonly held?: readonly DnsEntry[] | undefined
}

/** Url, host, url, host …: what `find` in the VM takes apart, with a function that runs nothing of the script's. */
export function packQueries(queries: readonly Query[]): string {
  return JSON.stringify(queries.flatMap(({ url, host }) => [url, host]))
}

/** Two lines a query, as they travel between threads: one text is copied much faster than many. */
export function packLines(queries: readonly Query[]): string {
  let lines = ''
  for (const { url, host } of queries) lines += `${oneLine(url)}\n${oneLine(host)}\n`
  return lines
}

/** A line break cannot be in a URL or a host: the URL standard takes them out. */
function oneLine(text: string): string {
  return text.includes('\n') ? text.replaceAll('\n', '') : text
}
