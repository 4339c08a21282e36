import type { CapturePolicy } from '../passthrough/capture-door.ts'
import type { Settings } from '../settings/settings.ts'

/** What the capture door does about names, by these settings. */
export function policyOf(settings: Settings): CapturePolicy {
  const { capture, containersProxy, containerRules, access } = settings
  const inLists = [access.allow, access.deny].some(({ rules }) => rules.some(({ pattern }) => pattern.kind !== 'block'))
  return {
    trust: capture.trust,
    peekMs: capture.peek,
    // With everything direct and no list of names, a name would change nothing, and need not be waited for.
    namesMatter: containersProxy.mode !== 'none' || containerRules.length > 0 || inLists || capture.trust === 'reject',
  }
}
