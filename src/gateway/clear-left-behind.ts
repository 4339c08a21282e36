import { toGatewayError } from '../contracts/gateway-error.ts'
import type { LeftBehind } from '../passthrough/rules/left-behind.ts'

export interface LeftBehindParts {
  find(): Promise<LeftBehind>
  /** False: another gateway captures since. */
  remove(handle: string): Promise<boolean>
  inform(message: string): void
  warn(message: string): void
}

/**
 * For a gateway that starts without capture: the rules of one that was killed are closed, and nobody would replace them. Not those of a gateway that runs
 * or still ends, which takes its own away.
 */
export async function clearLeftBehind({ find, remove, inform, warn }: LeftBehindParts): Promise<void> {
  const found = await find()
  if (found.whose === 'nothing' || found.whose === 'alive') return
  if (found.whose === 'ending') return warn(`${STAND}: ${ENDING}. ${ADVICE}`)
  if (found.whose === 'untold') {
    // Most often there is a gateway that captures, and this one has no rights since it needs none.
    if (found.lacksRights) return inform(`${STAND}: ${UNSEEN}. ${ADVICE}`)
    return warn(`${STAND}: whose they are cannot be told: ${found.why}. ${ADVICE}`)
  }
  try {
    if (!(await remove(found.handle))) return
    inform(
      'capture: the rules that a gateway which was killed had left in the kernel are taken away, for capture is off',
    )
  } catch (thrown) {
    warn(`${STAND}: ${toGatewayError(thrown).message}. ${ADVICE}`)
  }
}

const STAND = 'capture: capture is off, and rules of a capture stand in the kernel that this gateway leaves there'
const ENDING = 'nobody listens where they lead, but there are sockets as a gateway has them that is ending'
const UNSEEN = 'whether a gateway runs behind them, it cannot tell without CAP_NET_ADMIN'
const ADVICE =
  'If none runs, one was killed, and containers get no answer until `fairlead capture --remove` (as root) has taken them away'
