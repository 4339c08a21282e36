import type { Hop } from '../contracts/route.ts'
import type { Secret } from '../contracts/secret.ts'
import type { Scope } from '../contracts/target.ts'
import type { EngineAddress } from '../wire/engine-address.ts'
import type { ExcludeList } from '../wire/exclude-list.ts'
import type { ListenAddress } from '../wire/listen-address.ts'
import type { WrittenSettings } from './schema.ts'
import type { AddressAndPort } from './values/dns-server.ts'
import type { PortRange } from './values/port-ranges.ts'

/** Settings in force: complete, checked, every reference followed. Durations are in milliseconds, sizes in bytes, paths absolute. */
export interface Settings extends Pick<WrittenSettings, 'timeouts' | 'limits' | 'relay' | 'log' | 'capture'> {
  readonly listen: { readonly mixed: readonly DoorSettings[]; readonly tls: readonly TlsDoorSettings[] }
  /** Doors to the containers; none: off. */
  readonly reverse: { readonly listen: readonly DoorSettings[] }
  readonly proxy: ProxySettings
  /** The same as `proxy` where the file has none of its own. */
  readonly containersProxy: ContainersProxySettings
  readonly upstreams: ReadonlyMap<string, readonly Hop[]>
  /** In the order of the file: the first that matches decides. */
  readonly containerRules: readonly ContainerRuleSettings[]
  /** `via`: hops to the server of a PAC URL, in the order traffic passes them; empty: directly. */
  readonly pac: Omit<WrittenSettings['pac'], 'via'> & { readonly via: readonly Hop[] }
  readonly dns: DnsSettings
  readonly access: { readonly allow: ExcludeList; readonly deny: ExcludeList }
  readonly udp: UdpSettings
  /** Absent: no engine is followed. */
  readonly engine?: EngineSettings
  readonly trust: { readonly ca: readonly PemFile[] }
  readonly status: { readonly listen: readonly StatusAddress[] }
}

export interface DoorSettings {
  readonly address: ListenAddress
  readonly scope: Scope
  /** Absent: no credentials are asked for. */
  readonly users?: Readonly<Record<string, Secret>>
  /** Address blocks that clients must come from; empty: from anywhere. */
  readonly from: readonly string[]
}

export interface TlsDoorSettings extends DoorSettings {
  /** PEM: the certificate and its chain. */
  readonly cert: string
  /** PEM. */
  readonly key: Secret
  readonly passphrase?: Secret
}

export interface ProxySettings {
  /** The key it stands under, for people: containers without a group of their own have `proxy`. */
  readonly group: 'proxy' | 'containersProxy'
  readonly locked: boolean
  readonly mode: 'manual' | 'system' | 'none'
  /** Hops in the order traffic passes them; empty: not set. */
  readonly http: readonly Hop[]
  readonly https: readonly Hop[]
  readonly exclude: ExcludeList
  readonly pac?: PacSettings
  readonly onPacFailure: 'block' | 'lastGood' | 'direct'
  readonly enableKerberosNtlm: boolean
  readonly windowsDockerdPort?: number
}

export interface ContainersProxySettings extends ProxySettings {
  /** Sorted, without overlaps. */
  readonly transparentPorts: readonly PortRange[]
}

export interface ContainerRuleSettings {
  /** Patterns by key; a list of patterns for each but `known`. */
  readonly match: {
    readonly [Key in 'container' | 'image' | 'project' | 'service' | 'network' | 'label']?: readonly string[]
  } & { readonly known?: boolean }
  readonly to?: ExcludeList
  readonly use:
    | { readonly kind: 'direct' | 'reject' | 'policy' }
    | { readonly kind: 'chain'; readonly hops: readonly Hop[] }
}

export type PacSettings =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'embedded'; readonly script: string }

export interface UdpSettings {
  readonly host: UdpRule
  readonly containers: UdpRule
  readonly quic: 'auto' | 'allow' | 'refuse'
}

/** What a scope's datagrams may do; a chain has SOCKS5 hops only. */
export type UdpRule =
  | { readonly kind: 'auto' | 'direct' | 'deny' }
  | { readonly kind: 'chain'; readonly hops: readonly Hop[] }

export interface DnsSettings extends Omit<WrittenSettings['dns'], 'listen' | 'zones'> {
  readonly mode: WrittenSettings['defaultNetworkingMode']
  readonly inhibition: WrittenSettings['dnsInhibition']
  readonly listen: readonly {
    readonly address: Extract<ListenAddress, { kind: 'tcp' }>
    readonly from: readonly string[]
  }[]
  /** By canonical name. */
  readonly zones: ReadonlyMap<string, readonly AddressAndPort[]>
  /** Whether somebody has set it, rather than the schema. */
  readonly hostAddressIsGiven: boolean
}

export interface EngineSettings {
  readonly address: EngineAddress
  /** Chosen by us: that there is none is nothing to warn of. */
  readonly auto: boolean
}

export interface PemFile {
  readonly path: string
  readonly pem: string
}

export interface StatusAddress {
  readonly address: ListenAddress
  /** Chosen by us: that it cannot be opened is no reason not to start. */
  readonly auto: boolean
}
