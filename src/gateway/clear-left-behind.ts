import { toGatewayError } from '../contracts/gateway-error.ts'
import type { LeftBehind } from '../passthrough/rules/left-behind.ts'

export interface LeftBehindParts {
  find(): Promise<LeftBehind>
  remove(): Promise<void>
  inform(message: string): void
  warn(message: string): void
}

/**
 * For a gateway that starts without capture: the rules of one that was killed are closed, and nobody would replace them. Not those of a gateway that runs
 * or still ends, which takes its own away.
 */
export async function clearLeftBehind({ find, remove, inform, warn }: LeftBehindParts): Promise<void> {
  const found = await find()
  if (found === 'nothing' || found === 'alive') return
  if (found !== 'dead') return warn(`${STAND}: ${WHY[found]}. ${ADVICE}`)
  try {
    await remove()
    inform(
      'capture: the rules that a gateway which was killed had left in the kernel are taken away, for capture is off',
    )
  } catch (thrown) {
    warn(`${STAND}: ${toGatewayError(thrown).message}. ${ADVICE}`)
  }
}

const STAND = 'capture: capture is off, and rules of a capture stand in the kernel that this gateway leaves there'
const WHY = {
  ending: 'nobody listens where they lead, but there are sockets as a gateway has them that is ending',
  untold: 'without CAP_NET_ADMIN it can neither tell whether a gateway runs behind them nor take them away',
} as const
const ADVICE =
  'If none runs, one was killed, and containers get no answer until `fairlead capture --remove` (as root) has taken them away'
