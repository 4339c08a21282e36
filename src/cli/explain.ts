import { toGatewayError } from '../contracts/gateway-error.ts'
import type { Scope } from '../contracts/target.ts'
import { clientOfContainer } from '../gateway/engine-container.ts'
import { createExplainer, parseSubject, renderExplanation } from '../gateway/explain.ts'
import type { Settings } from '../settings/settings.ts'
import { isLoopback } from '../wire/address.ts'
import { EXIT } from './exit-code.ts'
import type { Io } from './io.ts'
import { type ConfigOption, loadOrReport } from './load-settings.ts'

export interface ExplainOptions extends ConfigOption {
  /** Default: that of containers where one is named, else the host's. */
  readonly scope?: Scope
  /** Whose flow it would be: a name, `service` or `service.project` of compose, or the start of an id. */
  readonly container?: string
  readonly json?: boolean
}

/** `fairlead explain`: the decision and its reasons, without traffic to the target. */
export async function runExplain(subject: string, options: ExplainOptions, io: Io): Promise<number> {
  let query: ReturnType<typeof parseSubject>
  try {
    query = parseSubject(subject)
  } catch (thrown) {
    const { message, hint } = toGatewayError(thrown)
    io.err(`${message}${hint ? `\n${hint}` : ''}\n`)
    return EXIT.usage
  }
  const loaded = await loadOrReport(options, io)
  if (!loaded) return EXIT.usage
  const { container, scope = container === undefined ? 'host' : 'containers' } = options
  if (container !== undefined && scope === 'host' && !hasHostDoorForContainers(loaded.settings)) {
    io.err(`--container ${container} with --scope host: no door of scope host listens where a container can reach it
expected: --scope containers, or none, for that is the scope of captured connections
A door that containers are to use with the host's policy stands under listen.mixed, with scope: host and an address that is not loopback.
`)
    return EXIT.usage
  }
  const asked = container === undefined ? undefined : await clientOfContainer(container, loaded.settings.engine)
  const client = asked?.client
  if (asked?.goesAs !== undefined) {
    const owner = asked.client.container?.name
    io.err(
      `container ${asked.goesAs} has the network of ${owner}: nothing tells them apart, and what ${owner} may holds for both\n`,
    )
  }
  const explainer = await createExplainer(loaded.settings, io.env, (note) => io.err(`${note}\n`), asked?.view)
  const explanation = await explainer.explain({ ...query, scope, ...(client ? { client } : {}) })
  explainer.close()
  io.out(options.json ? `${JSON.stringify(explanation)}\n` : `${renderExplanation(explanation)}\n`)
  return EXIT.done
}

/** A container with an address of its own reaches no loopback of the host's. */
function hasHostDoorForContainers({ listen }: Settings): boolean {
  return [...listen.mixed, ...listen.tls].some(
    ({ scope, address }) => scope === 'host' && address.kind === 'tcp' && !isLoopback(address.host),
  )
}
