/** Numbers of socket(7), ip(7), ipv6(7), tcp(7), raw(7), netlink(7) and icmp(7). */

export const AF_INET = 2
export const AF_INET6 = 10
export const AF_NETLINK = 16

export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_RAW = 3
export const SOCK_NONBLOCK = 0o4000
export const SOCK_CLOEXEC = 0o2000000

export const MSG_DONTWAIT = 0x40
export const MSG_NOSIGNAL = 0x4000
export const SHUT_WR = 1

export const SOL_SOCKET = 1
export const SO_REUSEADDR = 2
export const SO_ERROR = 4
export const SO_RCVBUF = 8
export const SO_KEEPALIVE = 9
export const SO_OOBINLINE = 10
export const SO_PRIORITY = 12
export const SO_LINGER = 13
export const SO_RCVTIMEO = 20
export const SO_SNDBUFFORCE = 32
export const SO_RCVBUFFORCE = 33
export const SO_MEMINFO = 55

export const SOL_IP = 0
export const IP_TRANSPARENT = 19
export const IP_RECVORIGDSTADDR = 20
export const IP_ORIGDSTADDR = 20

export const SOL_IPV6 = 41
export const IPV6_V6ONLY = 26
export const IPV6_RECVORIGDSTADDR = 74
export const IPV6_ORIGDSTADDR = 74
export const IPV6_TRANSPARENT = 75

export const IPPROTO_ICMP = 1
export const IPPROTO_TCP = 6
export const IPPROTO_UDP = 17
export const IPPROTO_ICMPV6 = 58

export const TCP_NODELAY = 1
export const TCP_KEEPIDLE = 4
export const TCP_KEEPINTVL = 5
export const TCP_INFO = 11
export const TCP_CONGESTION = 13

export const SOL_RAW = 255
export const ICMP_FILTER = 1
export const ICMP6_FILTER = 1

export const NETLINK_NETFILTER = 12
export const SOL_NETLINK = 270
export const NETLINK_NO_ENOBUFS = 5
