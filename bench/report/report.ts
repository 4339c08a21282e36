import { accessSync, constants, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import path from 'node:path'
import type { Metric } from '../measurements.ts'
import { congestionControl } from '../own-network.ts'
import { type Summary, summarize } from '../statistics.ts'
import { barChart } from './bar-chart.ts'

/** Every run's figures: by metric, then by row (a peer, and its door if it has more than one). */
export type Results = Map<Metric, Map<string, number[]>>

/** Rows that are no program to choose instead: they say what the machine can do, and what a part of Fairlead costs alone. */
const NO_PEER = /^direct|^forwarded|fairlead|relay alone|bare Node/

/** The table to standard output, and the same as `save` has it. */
export function report(results: Results, folder: string): void {
  process.stdout.write(save(results, folder))
}

/** Makes the folder for the results. Throws before anything is measured, and not after, where none can be had. */
export function prepareFolder(folder: string): void {
  // Not by `recursive`: under /proc Node does not come to an end of it.
  if (!statSync(folder, { throwIfNoEntry: false })) {
    prepareFolder(path.dirname(path.resolve(folder)))
    mkdirSync(folder)
  }
  if (!statSync(folder).isDirectory()) throw new Error(`${folder} is no folder`)
  accessSync(folder, constants.W_OK | constants.X_OK)
}

/** As Markdown, JSON and SVG in `folder`; answers the Markdown. After each round too, so that a run that is broken off has not been for nothing. */
export function save(results: Results, folder: string): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Linux ${release()}, Node ${process.version}, TCP by ${congestionControl()}`
  const tables = [...results].map(([metric, rows]) => markdown(metric, rows))
  const text = `Measured on ${machine}. Median of the runs, least–most in brackets.\n\n${tables.join('\n\n')}\n`
  writeFileSync(path.join(folder, 'results.md'), text)
  writeFileSync(path.join(folder, 'results.json'), `${JSON.stringify(json(machine, results), null, 2)}\n`)
  for (const [metric, rows] of results) {
    const bars = [...rows].map(([name, values]) => ({ name, ...summarize(values) }))
    writeFileSync(path.join(folder, `${metric.id}.svg`), barChart(metric, bars))
  }
  return text
}

function markdown(metric: Metric, rows: ReadonlyMap<string, number[]>): string {
  const best = bestPeer(metric, rows)
  const sign = metric.better === 'less' ? 1 : -1
  const sorted = [...rows]
    .map(([name, values]) => ({ name, ...summarize(values) }))
    .sort((a, b) => sign * (a.median - b.median))
  const lines = sorted.map((row) => {
    const ratio = best === undefined ? '' : (row.median / best.median).toFixed(2)
    return `| ${row.name} | ${figure(metric, row)} | ${ratio} |`
  })
  const against = best ? `÷ ${best.name}` : ''
  return [
    `**${metric.title}** (${metric.better} is better)`,
    '',
    `| | ${metric.unit} | ${against} |`,
    '|---|---|---|',
    ...lines,
  ].join('\n')
}

function figure(metric: Metric, { median, least, most, runs }: Summary): string {
  const [a, b, c] = [median, least, most].map((value) => value.toFixed(metric.digits))
  return runs > 1 ? `${a} (${b}–${c})` : `${a}`
}

function bestPeer(metric: Metric, rows: ReadonlyMap<string, number[]>): (Summary & { name: string }) | undefined {
  const peers = [...rows]
    .filter(([name]) => !NO_PEER.test(name))
    .map(([name, values]) => ({ name, ...summarize(values) }))
  return peers.sort((a, b) => (metric.better === 'less' ? a.median - b.median : b.median - a.median))[0]
}

function json(machine: string, results: Results): unknown {
  return {
    machine,
    metrics: [...results].map(([metric, rows]) => ({ ...metric, rows: Object.fromEntries(rows) })),
  }
}
