// Two proxies that share the load by name, each standing in for the other; in the nightly window of the first, the second alone.
//
//   url                                 now                      answer
//   http://aaa.example/                 2024-03-05T12:00:00Z     PROXY two.corp.example:3128; PROXY one.corp.example:3128
//   http://aa.example/                  2024-03-05T12:00:00Z     PROXY one.corp.example:3128; PROXY two.corp.example:3128
//   http://aa.example/                  2024-03-05T23:30:00Z     PROXY two.corp.example:3128
//   http://aa.example/                  2024-03-06T00:30:59Z     PROXY two.corp.example:3128
//   http://aa.example/                  2024-03-06T00:31:00Z     PROXY one.corp.example:3128; PROXY two.corp.example:3128

var one = "PROXY one.corp.example:3128";
var two = "PROXY two.corp.example:3128";

function FindProxyForURL(url, host) {
  // With minutes, timeRange wraps over midnight; with hours alone it does not.
  if (timeRange(23, 30, 0, 30, "GMT")) return two;
  return host.length % 2 === 0 ? one + "; " + two : two + "; " + one;
}
