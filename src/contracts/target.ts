/**
 * Where a flow wants to go, parsed once at the door (`wire/target.ts`) and never looked at as text again.
 *
 * `host` is canonical, so two spellings of one place are equal strings:
 * - a DNS name: lower case, IDNA A-labels, no trailing dot, no port, no user information (`family` 0);
 * - an IPv4 address: dotted decimal (`family` 4); an IPv4-mapped IPv6 address is its IPv4 address;
 * - an IPv6 address: RFC 5952 text without brackets and without a zone (`family` 6).
 */
export interface Target {
  readonly host: string
  /** 0: `host` is a name; 4 or 6: `host` is an address of that family. */
  readonly family: 0 | 4 | 6
  /** 1–65535. */
  readonly port: number
}

/** Which of `proxy.http` and `proxy.https` speaks for a flow, and the scheme of the URL that PAC sees. */
export type Scheme = 'http' | 'https'

/** Which policy decides: the host's own programs', or the containers' (image pulls included). */
export type Scope = 'host' | 'containers'
