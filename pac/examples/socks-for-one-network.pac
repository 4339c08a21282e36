// One network lies behind a SOCKS jump host. SOCKS5 sends it the name; a plain SOCKS would mean version 4, which gets an address.
//
//   url                                 answer
//   https://db1.lab.example/            SOCKS5 jump.corp.example:1080
//   https://10.99.1.2/                  SOCKS5 jump.corp.example:1080
//   https://old.example/                SOCKS5 jump.corp.example:1080
//   https://www.example.org/            DIRECT
//   https://[2001:db8:99::5]/           SOCKS5 jump.corp.example:1080
//   https://[2001:db8::5]/              DIRECT
//
// old.example resolves to 10.99.7.7, www.example.org to 192.0.2.80.

function FindProxyForURL(url, host) {
  if (dnsDomainIs(host, ".lab.example")) return "SOCKS5 jump.corp.example:1080";
  if (isInNetEx(host, "2001:db8:99::/48")) return "SOCKS5 jump.corp.example:1080";
  if (isInNet(host, "10.99.0.0", "255.255.0.0")) return "SOCKS5 jump.corp.example:1080";
  return "DIRECT";
}
