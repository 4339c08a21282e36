/** Where a door listens. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** `mode`: permission bits of the socket file. */
  | { readonly kind: 'unix'; readonly path: string; readonly mode: number }

/** As it stands in settings, in logs and as a key: `127.0.0.1:3128`, `[::1]:3128`, `unix:/run/fairlead.sock`. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
}
