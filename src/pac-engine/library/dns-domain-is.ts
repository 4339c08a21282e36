/**
 * `dnsDomainIs(host, domain)`: the host's name ends with the domain's text. Netscape's definition: `x.badexample.com` ends with `example.com`.
 * Browsers call the host's `substring`, which a script may have replaced.
 */
export const dnsDomainIs = `
function dnsDomainIs(host, domain) {
  return typeof host === fast && typeof domain === fast ? host.endsWith(domain) : dnsDomainIsNoted(host, domain)
}

function dnsDomainIsNoted(host, domain) {
  const answer = host.length >= domain.length && host.substring(host.length - domain.length) == domain
  if (room > 0) note('dnsDomainIs', [host, domain], answer)
  return answer
}
`
