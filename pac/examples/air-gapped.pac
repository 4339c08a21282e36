// Nothing leaves but what is on the list. The gateway knows reject.fairlead.internal as "refuse this"; a browser would find no such proxy.
//
//   url                                  answer
//   https://registry.corp.example/       PROXY mirror.corp.example:3128
//   https://registry.corp.example:5000/  PROXY mirror.corp.example:3128
//   http://deb.corp.example/dists        PROXY mirror.corp.example:3128
//   https://www.example.org/             PROXY reject.fairlead.internal:1
//   https://192.0.2.10/                  PROXY reject.fairlead.internal:1
//   https://10.1.2.3/                    DIRECT

const allowed = ["registry.corp.example", "deb.corp.example", "time.corp.example"];

function FindProxyForURL(url, host) {
  if (allowed.includes(host)) return "PROXY mirror.corp.example:3128";
  // Addresses only: a name is not looked up, for the answer would depend on a resolver that may not be there.
  if (/^[0-9.]+$/.test(host) && isInNet(host, "10.0.0.0", "255.0.0.0")) return "DIRECT";
  return "PROXY reject.fairlead.internal:1";
}
