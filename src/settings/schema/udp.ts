import { z } from 'zod'
import { about, section } from '../about.ts'
import { chainSchema } from './proxy.ts'

const rule = {
  form: '`auto`, `direct`, `deny`, or an upstream as under `proxy.https`',
  why: 'one policy for streams and datagrams',
} as const

export const udpSchema = section({
  host: about(chainSchema.prefault('auto'), {
    ...rule,
    help: 'Where UDP of the scope `host` goes. `auto`: where a stream to the same target would go, if that is direct or through SOCKS5 proxies only; otherwise nowhere.',
  }),
  containers: about(chainSchema.prefault('auto'), {
    ...rule,
    help: 'The same for the scope `containers`.',
  }),
  quic: about(z.enum(['auto', 'allow', 'refuse']).prefault('auto'), {
    form: '`auto`, `allow` or `refuse`',
    help: 'UDP to port 443. `auto`: refused in a scope that has a policy, so that browsers use TCP, where names are seen.',
  }),
})
