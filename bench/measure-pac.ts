import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Metric } from './measurements.ts'
import type { DecisionRates } from './pac/decisions.ts'
import type { Results } from './report/report.ts'

const RUN = fileURLToPath(new URL('./pac/run.mjs', import.meta.url))

/** Metrics of one script of `pac/scripts.ts`, kept, for results are kept by metric. */
const made = new Map<string, readonly [rate: Metric, cpu: Metric, remembered: Metric]>()

/** PAC decisions, ours beside pac-resolver's in one process; see docs/performance.md. Throws when they can't be measured. */
export function measurePac(seconds: number, results: Results): void {
  const { stdout, status } = spawnSync(process.execPath, [RUN, 'decisions', String(seconds), '--json'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error('PAC decisions could not be measured')
  for (const line of stdout.trim().split('\n')) {
    const { script, engine, engineCpuUs, remembered, pacResolver, pacResolverCpuUs } = JSON.parse(line) as DecisionRates
    const [rate, cpu, memory] = metricsOf(script)
    add(results, rate, 'fairlead', engine)
    add(results, rate, 'pac-resolver', pacResolver)
    add(results, cpu, 'fairlead', engineCpuUs)
    add(results, cpu, 'pac-resolver', pacResolverCpuUs)
    add(results, memory, 'fairlead', remembered)
  }
}

function metricsOf(script: string): readonly [Metric, Metric, Metric] {
  const metrics = made.get(script) ?? [
    { id: `pac-${script}`, title: `PAC decisions, ${script}, uncached`, unit: '/s', better: 'more', digits: 0 },
    {
      id: `pac-cpu-${script}`,
      title: `CPU per PAC decision, ${script}, uncached`,
      unit: 'µs',
      better: 'less',
      digits: 1,
    },
    {
      id: `pac-remembered-${script}`,
      title: `PAC decisions, ${script}, remembered`,
      unit: '/s',
      better: 'more',
      digits: 0,
    },
  ]
  made.set(script, metrics)
  return metrics
}

function add(results: Results, metric: Metric, row: string, value: number): void {
  const rows = results.get(metric) ?? new Map<string, number[]>()
  results.set(metric, rows)
  rows.set(row, [...(rows.get(row) ?? []), value])
}
