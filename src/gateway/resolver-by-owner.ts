import type { Resolver } from '../contracts/resolver.ts'

/** Shares lookups out by whom addresses belong to, whoever asks: a container has many addresses, and can feign more. `ownerOf`: of an address; of all else, itself. */
export function resolverByOwner(resolver: Resolver, ownerOf: (client: string) => string): Resolver {
  return {
    resolve: (name, signal, options = {}) =>
      resolver.resolve(name, signal, { ...options, client: options.client && ownerOf(options.client) }),
    forget: () => resolver.forget?.(),
  }
}
