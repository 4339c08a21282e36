import { z } from 'zod'
import { about, section } from './about.ts'
import { captureSchema } from './schema/capture.ts'
import { containerRulesSchema } from './schema/container-rules.ts'
import { dnsSchema, inhibitionSchema, networkingModeSchema } from './schema/dns.ts'
import { engineSchema } from './schema/engine.ts'
import { listenSchema, reverseSchema } from './schema/listen.ts'
import { chainSchema, containersProxySchema, proxySchema } from './schema/proxy.ts'
import {
  accessSchema,
  limitsSchema,
  logSchema,
  pacSchema,
  relaySchema,
  statusSchema,
  timeoutsSchema,
  trustSchema,
} from './schema/tuning.ts'
import { udpSchema } from './schema/udp.ts'

/** The one schema: types, defaults, validation and the help of `docs/settings.md`. */
export const settingsSchema = section({
  listen: about(listenSchema.prefault({}), {
    form: 'group',
    help: 'The doors: where programs that know about proxies connect.',
  }),
  proxy: about(proxySchema.optional(), {
    form: 'group',
    help: 'The way out for the host’s own programs, and for containers where `containersProxy` is absent.',
    absent: 'mode `none`: everything goes direct',
  }),
  containersProxy: about(containersProxySchema.optional(), {
    form: 'group',
    help: 'The way out for containers and image pulls.',
    absent: 'the same as `proxy`',
  }),
  upstreams: about(z.record(z.string(), chainSchema).prefault({}), {
    form: 'names with their chains',
    help: 'Chains of proxies under names of their own. A chain may hold names of other chains.',
  }),
  containerRules: about(containerRulesSchema.prefault([]), {
    form: 'a list of rules',
    help: 'Ways out for particular containers. The first rule that matches decides, before `containersProxy`.',
  }),
  capture: about(captureSchema.prefault({}), {
    form: 'group',
    help: 'Containers that know nothing of proxies: docs/capture.md.',
  }),
  access: about(accessSchema.prefault({}), { form: 'group', help: 'Which destinations may be reached at all.' }),
  udp: about(udpSchema.prefault({}), { form: 'group', help: 'Where datagrams go: see [udp.md](udp.md).' }),
  engine: about(engineSchema.prefault({}), {
    form: 'group',
    help: 'The Docker engine whose containers and networks are known by name.',
  }),
  reverse: about(reverseSchema.prefault({}), {
    form: 'group',
    help: 'Doors for the host’s programs to the containers’ own addresses and names: see [reverse.md](reverse.md).',
  }),
  timeouts: about(timeoutsSchema.prefault({}), { form: 'group', help: 'How long each step may take.' }),
  limits: about(limitsSchema.prefault({}), { form: 'group', help: 'How much may be held at once.' }),
  pac: about(pacSchema.prefault({}), { form: 'group', help: 'How PAC files are fetched and run.' }),
  relay: about(relaySchema.prefault({}), { form: 'group', help: 'How bytes are moved.' }),
  defaultNetworkingMode: networkingModeSchema,
  dnsInhibition: inhibitionSchema,
  dns: about(dnsSchema.prefault({}), { form: 'group', help: 'Names for containers.' }),
  log: about(logSchema.prefault({}), { form: 'group', help: 'What is written to standard error.' }),
  trust: about(trustSchema.prefault({}), { form: 'group', help: 'Whom to believe.' }),
  status: about(statusSchema.prefault({}), { form: 'group', help: 'How a running gateway tells how it is.' }),
})

/** What a file says, with defaults filled in; references to files, variables and names are not yet followed. */
export type WrittenSettings = z.output<typeof settingsSchema>
