/** The scripts that are measured. Each rule of the larger ones is looked at for a host that matches none: the worst case, and the common one. */
export const SCRIPTS: Readonly<Record<'trivial' | 'rules30' | 'large50k', string>> = {
  trivial: 'function FindProxyForURL(url, host) { return "PROXY proxy.corp.example:3128; DIRECT" }',
  rules30: rules(30),
  large50k: large(50_000),
}

/** 60 helper calls a decision. */
function rules(count: number): string {
  const lines = Array.from(
    { length: count },
    (_, i) =>
      `  if (dnsDomainIs(host, ".unit${i}.corp.example") || shExpMatch(host, "*.region${i}.example.com")) return "PROXY proxy${i}.corp.example:3128; DIRECT"`,
  )
  return `function FindProxyForURL(url, host) {\n${lines.join('\n')}\n  return "PROXY proxy.corp.example:3128; DIRECT"\n}`
}

/** What grows in companies over the years: a long list of domains in a table, some networks, some globs, and a good deal of comment. */
function large(bytes: number): string {
  const domains: string[] = []
  for (let i = 0; domains.join(',').length < bytes - 4_000; i++)
    domains.push(`  "host${i}.department${i % 37}.corp.example": ${i % 5}`)
  return `// Routing of the whole company.
var direct = {
${domains.join(',\n')}
};
var nets = [["10.0.0.0", "255.0.0.0"], ["172.16.0.0", "255.240.0.0"], ["192.168.0.0", "255.255.0.0"]];
function inside(host) {
  for (var i = 0; i < nets.length; i++) if (isInNet(host, nets[i][0], nets[i][1])) return true;
  return false;
}
function FindProxyForURL(url, host) {
  if (isPlainHostName(host)) return "DIRECT";
  if (direct[host] !== undefined) return "PROXY proxy" + direct[host] + ".corp.example:3128";
  if (/^[0-9.]+$/.test(host)) return inside(host) ? "DIRECT" : "PROXY proxy.corp.example:3128";
${Array.from({ length: 15 }, (_, i) => `  if (shExpMatch(url, "http*://*.site${i}.example/*")) return "PROXY site${i}.corp.example:3128";`).join('\n')}
  return "PROXY proxy.corp.example:3128; DIRECT";
}`
}
