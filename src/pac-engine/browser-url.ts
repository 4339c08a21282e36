import type { PacQuery } from '../contracts/pac.ts'

/**
 * What a browser passes for a URL: without credentials and fragment; of https (and wss) only the origin; `host` without brackets. A URL that
 * already has the containers' form, `scheme://host:port` and nothing else, is left as it is. Undefined for what is no URL with a host.
 */
export function asBrowserSees(text: string, host?: string): PacQuery | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  if (url.hostname === '') return undefined
  const seen = host ?? url.hostname.replace(/^\[|\]$/g, '')
  if (hasContainerForm(text)) return { url: text, host: seen }
  url.username = ''
  url.password = ''
  url.hash = ''
  if (url.protocol === 'https:' || url.protocol === 'wss:') {
    url.pathname = '/'
    url.search = ''
  }
  return { url: url.href, host: seen }
}

/** Of what a script is shown: no browser leaves out the path. */
export function hasContainerForm(url: string): boolean {
  return CONTAINER_FORM.test(url)
}

const CONTAINER_FORM = /^https?:\/\/(\[[0-9a-f:.]+\]|[^/?#@:[\]]+):[0-9]+$/i
