import { readdirSync, readFileSync } from 'node:fs'

/** Kernel clock ticks a second as /proc reports them: 100 on every architecture that Node runs on. */
const TICKS = 100

interface ProcessLine {
  readonly pid: number
  readonly parent: number
  /** Own and waited-for children's user and system time, in seconds. */
  readonly cpu: number
  readonly residentBytes: number
}

/** CPU seconds used so far by a process, its threads and all its descendants, those that have ended included. */
export function cpuOfTree(root: number | undefined): number {
  return root === undefined ? 0 : sum(tree(root), (line) => line.cpu)
}

export const pidsOfTree = (root: number): number[] => tree(root).map((line) => line.pid)

/** Memory of a process tree that is its own: shared pages are divided among those who share them (Pss). */
export function memoryOfTree(root: number): number {
  return sum(tree(root), ({ pid }) => Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024)
}

export function descriptorsOfTree(root: number): number {
  return sum(tree(root), ({ pid }) => list(`/proc/${pid}/fd`).length)
}

/** How often the tree's threads have gone to sleep so far: each time they were woken for something. */
export function sleepsOfTree(root: number): number {
  const threads = tree(root).flatMap(({ pid }) =>
    list(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}`),
  )
  return sum(threads, (thread) => Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(read(`${thread}/status`))?.[1] ?? 0))
}

function tree(root: number): ProcessLine[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(processLine)
    .filter((line) => line !== undefined)
  const found = all.filter((line) => line.pid === root)
  for (const line of found) found.push(...all.filter((child) => child.parent === line.pid))
  return found
}

function processLine(pid: string): ProcessLine | undefined {
  const text = read(`/proc/${pid}/stat`)
  if (!text) return undefined
  // The name may hold spaces and brackets; the fields begin behind the last one (proc_pid_stat(5), counted from field 3).
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [user, system, childUser, childSystem] = fields.slice(11, 15) as [number, number, number, number]
  return {
    pid: Number(pid),
    parent: fields[1]!,
    cpu: (user + system + childUser + childSystem) / TICKS,
    residentBytes: fields[21]! * 4096,
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

const sum = <T>(list: readonly T[], value: (item: T) => number): number =>
  list.reduce((total, item) => total + value(item), 0)
