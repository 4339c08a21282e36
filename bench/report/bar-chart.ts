import type { Metric } from '../measurements.ts'
import type { Summary } from '../statistics.ts'

interface Bar extends Summary {
  readonly name: string
}

const [WIDTH, LABEL, ROW, HEAD] = [720, 200, 26, 40]

/** Horizontal bars, longest value to the right edge, with a line from the least to the most of the runs. Readable on dark and light ground. */
export function barChart(metric: Metric, bars: readonly Bar[]): string {
  const sign = metric.better === 'less' ? 1 : -1
  const sorted = [...bars].sort((a, b) => sign * (a.median - b.median))
  const longest = Math.max(...sorted.map((bar) => bar.most), Number.MIN_VALUE)
  const x = (value: number): number => LABEL + (value / longest) * (WIDTH - LABEL - 90)
  const rows = sorted.map((bar, index) => {
    const y = HEAD + index * ROW
    const middle = y + ROW / 2 - 2
    const fill = bar.name.startsWith('fairlead') ? '#1a7f5a' : '#8a94a6'
    return `  <text x="${LABEL - 8}" y="${middle + 4}" text-anchor="end">${escaped(bar.name)}</text>
  <rect x="${LABEL}" y="${y}" width="${(x(bar.median) - LABEL).toFixed(1)}" height="${ROW - 6}" rx="2" fill="${fill}"/>
  <path d="M${x(bar.least).toFixed(1)} ${middle}H${x(bar.most).toFixed(1)}" stroke="#c2410c" stroke-width="2"/>
  <text x="${(x(bar.most) + 6).toFixed(1)}" y="${middle + 4}">${bar.median.toFixed(metric.digits)}</text>`
  })
  const height = HEAD + sorted.length * ROW + 10
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" fill="#6b7280">
  <title>${escaped(metric.title)}</title>
  <text x="${LABEL}" y="22" font-size="15" font-weight="600">${escaped(metric.title)}, ${escaped(metric.unit)} (${metric.better} is better)</text>
${rows.join('\n')}
</svg>
`
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
