import type { CapturePolicy } from '../passthrough/capture-door.ts'
import { createAddressAlone } from '../router/address-alone.ts'
import type { Settings } from '../settings/settings.ts'

/** What the capture door does about names, by these settings. */
export function policyOf({ capture, containersProxy, containerRules, access }: Settings): CapturePolicy {
  const isAddressAlone = createAddressAlone({
    policy: { ...containersProxy, hasPac: containersProxy.pac !== undefined },
    containerRules,
    access,
    rejectDisbelieved: capture.trust === 'reject',
  })
  return {
    trust: capture.trust,
    peekMs: capture.peek,
    // A name that would change nothing need not be waited for.
    namesMatter: (dialled, client) => !isAddressAlone(dialled, client),
  }
}
