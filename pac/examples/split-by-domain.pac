// Each part of the company has its own way out. Names decide, so that no look-up is needed.
//
//   url                                 answer
//   https://registry.build.example/     PROXY build-proxy.corp.example:3128
//   https://build.example/              PROXY build-proxy.corp.example:3128
//   https://notbuild.example/           PROXY proxy.corp.example:3128
//   http://cdn7.images.example/a.png    HTTPS edge.corp.example:443; PROXY proxy.corp.example:3128
//   http://cdnx.images.example/a.png    HTTPS edge.corp.example:443; PROXY proxy.corp.example:3128
//   http://cdn12.images.example/a.png   PROXY proxy.corp.example:3128
//   https://app.corp.example/           DIRECT
//   https://localhost/                  DIRECT

// The name itself, or anything below it. dnsDomainIs alone would take notbuild.example for a part of build.example.
function isBelow(host, domain) {
  return host === domain || dnsDomainIs(host, "." + domain);
}

function FindProxyForURL(url, host) {
  if (isPlainHostName(host) || isBelow(host, "corp.example")) return "DIRECT";
  if (isBelow(host, "build.example")) return "PROXY build-proxy.corp.example:3128";
  if (shExpMatch(host, "cdn?.images.example")) return "HTTPS edge.corp.example:443; PROXY proxy.corp.example:3128";
  return "PROXY proxy.corp.example:3128";
}
