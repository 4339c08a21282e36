// In the office everything goes through the proxy; at home nothing does, except what only the VPN's proxy reaches.
//
//   url                                 at                  answer
//   http://wiki/                        192.168.1.20        DIRECT
//   http://www.example.org/             10.20.30.40         PROXY proxy.corp.example:3128; DIRECT
//   https://git.corp.example/           10.20.30.40         DIRECT
//   http://www.example.org/             192.168.1.20        DIRECT
//   https://git.corp.example/           192.168.1.20        PROXY vpn-proxy.corp.example:3128

function FindProxyForURL(url, host) {
  var inOffice = isInNet(myIpAddress(), "10.20.0.0", "255.255.0.0");
  var ours = dnsDomainIs(host, ".corp.example");

  if (isPlainHostName(host)) return "DIRECT";
  if (inOffice) return ours ? "DIRECT" : "PROXY proxy.corp.example:3128; DIRECT";
  return ours ? "PROXY vpn-proxy.corp.example:3128" : "DIRECT";
}
