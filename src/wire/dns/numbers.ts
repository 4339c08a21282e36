/** Record types by number (IANA "DNS Parameters"): those that Fairlead treats in a way of their own. */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  DNAME: 39,
  OPT: 41,
  SVCB: 64,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const

/** RFC 1035 §4.1.1, RFC 6891 §9. */
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const

/** `NXDOMAIN`, or `RCODE 9` where it has no name here. */
export function rcodeName(rcode: number): string {
  return Object.entries(RCODE).find(([, value]) => value === rcode)?.[0] ?? `RCODE ${rcode}`
}

export const CLASS_IN = 1

/** Bits of the header's second word (RFC 1035 §4.1.1, RFC 4035 §3). */
export const FLAG = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
} as const

/** Octets of an answer that every client takes over UDP (RFC 1035 §2.3.4). */
export const PLAIN_UDP_SIZE = 512
/** Octets of an answer that reach nearly everybody over UDP without fragments: IPv6's least MTU without headers (DNS flag day 2020). */
export const UDP_SIZE = 1232
/** Octets of a message: a TCP length has two octets (RFC 1035 §4.2.2). */
export const MAX_MESSAGE = 65_535
