import { parseExcludeList } from '../../wire/exclude-list.ts'
import type { KeyPath } from '../key-path.ts'
import type { WrittenSettings } from '../schema.ts'
import type { ContainersProxySettings, PacSettings, ProxySettings } from '../settings.ts'
import { MAX_PAC_BYTES } from '../values/pac-location.ts'
import { parsePortRanges } from '../values/port-ranges.ts'
import type { ResolveContext } from './context.ts'
import { absolutePath, checkReferenced } from './read-reference.ts'
import type { Upstreams } from './upstreams.ts'

type Written = NonNullable<WrittenSettings['proxy']>
type WrittenForContainers = NonNullable<WrittenSettings['containersProxy']>

export async function resolveProxy(
  written: Written | undefined,
  upstreams: Upstreams,
  context: ResolveContext,
): Promise<ProxySettings> {
  if (!written) return DIRECT
  return {
    ...(await resolveCommon(written, 'proxy', upstreams, context)),
    enableKerberosNtlm: written.enableKerberosNtlm,
    ...(written.windowsDockerdPort === undefined ? {} : { windowsDockerdPort: written.windowsDockerdPort }),
  }
}

export async function resolveContainersProxy(
  written: WrittenForContainers | undefined,
  proxy: ProxySettings,
  upstreams: Upstreams,
  context: ResolveContext,
): Promise<ContainersProxySettings> {
  if (!written) return { ...proxy, transparentPorts: parsePortRanges('*') }
  return {
    ...(await resolveCommon(written, 'containersProxy', upstreams, context)),
    enableKerberosNtlm: false,
    transparentPorts: written.transparentPorts,
  }
}

const DIRECT: ProxySettings = {
  group: 'proxy',
  locked: false,
  mode: 'none',
  http: [],
  https: [],
  exclude: parseExcludeList([]),
  onPacFailure: 'lastGood',
  enableKerberosNtlm: false,
}

/** What gives a group without `mode` the mode `manual`, and has no meaning in the others. */
const MANUAL_KEYS = ['http', 'https', 'exclude', 'pac', 'embeddedPac'] as const

async function resolveCommon(
  written: Written | WrittenForContainers,
  group: 'proxy' | 'containersProxy',
  upstreams: Upstreams,
  context: ResolveContext,
): Promise<Omit<ProxySettings, 'enableKerberosNtlm'>> {
  const given = MANUAL_KEYS.filter((key) => context.isGiven([group, key]))
  const mode = written.mode ?? (given.length > 0 ? 'manual' : 'none')
  if (mode !== 'manual') {
    for (const key of given) {
      const isSet =
        key === 'exclude'
          ? written.exclude.rules.length > 0
          : key === 'http' || key === 'https'
            ? written[key].length > 0
            : written[key] !== undefined
      if (!isSet) continue
      context.warning([group, key], {
        key: true,
        message: `this has no effect with mode: ${mode}`,
        hint: 'Set mode: manual to use it.',
      })
    }
  }
  const pac = mode === 'manual' ? await resolvePac(written, [group], context) : undefined
  return {
    group,
    locked: written.locked,
    mode,
    http: await upstreams.chain(written.http, [group, 'http']),
    https: await upstreams.chain(written.https, [group, 'https']),
    exclude: written.exclude,
    ...(pac ? { pac } : {}),
    onPacFailure: written.onPacFailure ?? (written.locked ? 'block' : 'lastGood'),
  }
}

/** `embeddedPac` beats `pac`. */
async function resolvePac(
  { pac, embeddedPac }: Written | WrittenForContainers,
  group: KeyPath,
  context: ResolveContext,
): Promise<PacSettings | undefined> {
  if (embeddedPac !== undefined) return { kind: 'embedded', script: embeddedPac }
  if (pac?.kind !== 'file') return pac
  const at = [...group, 'pac']
  const path = absolutePath(pac.path, at, context)
  await checkReferenced(path, MAX_PAC_BYTES, at, context)
  return { kind: 'file', path }
}
