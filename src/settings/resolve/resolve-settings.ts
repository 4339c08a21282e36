import type { WrittenSettings } from '../schema.ts'
import type { ProxySettings, Settings, StatusAddress } from '../settings.ts'
import { statusSocket } from '../status-socket.ts'
import { resolveContainerRules } from './container-rules.ts'
import type { ResolveContext } from './context.ts'
import { resolveDns } from './dns.ts'
import { resolveDoors } from './doors.ts'
import { refuseWithoutEngine, resolveEngine } from './engine.ts'
import { readAuthorities } from './pem.ts'
import { resolveContainersProxy, resolveProxy } from './proxy.ts'
import { absolutePath } from './read-reference.ts'
import { resolveUdp } from './udp.ts'
import { resolveUpstreams, type Upstreams } from './upstreams.ts'

/** Follows every reference in what was written. Complete only if the context has no problems afterwards. */
export async function resolveSettings(written: WrittenSettings, context: ResolveContext): Promise<Settings> {
  const upstreams = await resolveUpstreams(written.upstreams, context)
  const proxy = await resolveProxy(written.proxy, upstreams, context)
  const { timeouts, limits, relay, log, access, capture } = written
  if (timeouts.attempt > timeouts.dial) {
    context.problem(['timeouts', 'attempt'], {
      message: 'one attempt is longer than all of them',
      expected: 'at most timeouts.dial',
    })
  }
  const containersProxy = await resolveContainersProxy(written.containersProxy, proxy, upstreams, context)
  const engine = resolveEngine(written.engine, context)
  if (!engine) refuseWithoutEngine(written, context)
  return {
    ...(await resolveDoors(written, context)),
    proxy,
    containersProxy,
    containerRules: await resolveContainerRules(written.containerRules, upstreams, containersProxy, context),
    upstreams: upstreams.named,
    dns: resolveDns(written, context),
    access,
    udp: await resolveUdp(written.udp, upstreams, context),
    ...(engine ? { engine } : {}),
    timeouts,
    limits,
    pac: await resolvePacFetching(written.pac, [proxy, containersProxy], upstreams, context),
    relay,
    log,
    capture,
    trust: { ca: await readAuthorities(written.trust.ca, context) },
    status: { listen: statusAddresses(written.status.listen, context) },
  }
}

/** How scripts are fetched and run, whichever group names them. */
async function resolvePacFetching(
  written: WrittenSettings['pac'],
  groups: readonly ProxySettings[],
  upstreams: Upstreams,
  context: ResolveContext,
): Promise<Settings['pac']> {
  if (written.via.length > 0 && !groups.some(({ pac }) => pac?.kind === 'url')) {
    context.warning(['pac', 'via'], {
      key: true,
      message: 'this has no effect: no PAC file is given as a URL',
      hint: 'It is the way to the server of proxy.pac or containersProxy.pac.',
    })
  }
  return { ...written, via: await upstreams.chain(written.via, ['pac', 'via']) }
}

/** Where a running gateway is asked. */
export function statusAddresses(
  written: WrittenSettings['status']['listen'],
  context: ResolveContext,
): StatusAddress[] {
  if (written.includes('off') && written.length > 1) {
    context.problem(['status', 'listen'], {
      message: 'off stands beside addresses',
      expected: 'off alone, or addresses',
    })
  }
  return written.flatMap((one, index): StatusAddress[] => {
    if (one === 'off') return []
    if (one === 'auto') {
      const { env, platform } = context
      return [{ address: statusSocket({ env, platform, uid: process.getuid?.() }), auto: true }]
    }
    if (one.kind === 'tcp') return [{ address: one, auto: false }]
    const path = context.platform === 'win32' ? one.path : absolutePath(one.path, ['status', 'listen', index], context)
    return [{ address: { ...one, path }, auto: false }]
  })
}
