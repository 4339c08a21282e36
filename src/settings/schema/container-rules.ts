import { z } from 'zod'
import { about, section } from '../about.ts'
import { excludeEntries } from '../values/exclude-entries.ts'
import { kindOf } from '../values/found.ts'
import { parsedBy, ValueError } from '../values/value-error.ts'
import { chainSchema } from './proxy.ts'
import { oneOrMore } from './scalars.ts'

/** Characters of one pattern: image references and label values are the longest things matched, and seldom have 300. */
const MAX_PATTERN = 512
/** Rules of one file: they are tried one after the other for each flow. */
const MAX_RULES = 500

function patterns(what: string, help: string) {
  return about(oneOrMore(parsedBy(parsePattern)).optional(), {
    form: 'a pattern, or a list of them',
    help,
    absent: what,
  })
}

const matchSchema = section({
  container: patterns('any', 'Name of the container.'),
  image: patterns(
    'any',
    'Its image as it was asked for when it was made, whatever that name leads to now. The tag and the digest may be left out, and Docker Hub’s own name: `nginx`, `library/nginx` and `docker.io/library/nginx:latest` are the same. Who asks for an id gets no name: `docker run 0eefb17b7da1` is no `nginx`.',
  ),
  project: patterns('any', 'Its compose project.'),
  service: patterns('any', 'Its compose service.'),
  network: patterns('any', 'A network that it is in.'),
  label: patterns('any', '`key`, or `key=value`. Of a list, it must have all.'),
  known: about(z.boolean().optional(), {
    form: '`true` or `false`',
    help: '`false`: clients of scope `containers` that are no container the engine knows. Image pulls are among them.',
    absent: 'only containers that the engine knows',
  }),
})

/** Words of `use` that are no chain. */
export const USE_WORDS = ['direct', 'reject', 'policy'] as const
export type UseWord = (typeof USE_WORDS)[number]

const ruleSchema = section({
  match: about(matchSchema, { form: 'group', help: 'Which containers.' }),
  to: about(excludeEntries().optional(), {
    form: 'a list, or one text with commas',
    help: 'Only for these destinations, in the grammar of `exclude`; addresses also mean what a captured connection has dialled.',
    absent: 'all',
  }),
  use: about(z.union([z.enum(USE_WORDS), chainSchema]), {
    form: '`direct`, `reject`, `policy`, a URL, a list of them (a chain), or a name under `upstreams`',
    help: 'The way out. `policy`: what `containersProxy` says, as if no rule had matched.',
  }),
})

export const containerRulesSchema = z.array(ruleSchema).max(MAX_RULES)

function parsePattern(value: unknown): string {
  if (typeof value !== 'string') {
    throw new ValueError(`this is ${kindOf(value)}`, { expected, hint: 'Put the pattern in quotes.' })
  }
  if (value === '') throw new ValueError('this is empty', { expected })
  if (value.length > MAX_PATTERN)
    throw new ValueError('this is too long', { expected: `at most ${MAX_PATTERN} characters` })
  if (/[\0-\x1f\x7f]/.test(value)) throw new ValueError('this holds a control character', { expected })
  return value
}

const expected = 'a name, in which * stands for any text'
