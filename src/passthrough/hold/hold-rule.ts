import { GatewayError } from '../../contracts/gateway-error.ts'
import { close } from '../../system/linux/descriptors.ts'
import { errno } from '../../system/linux/libc.ts'
import { AF_NETLINK, NETLINK_NETFILTER, SOCK_CLOEXEC, SOCK_RAW } from '../../system/linux/socket-numbers.ts'
import { receive, send, socket } from '../../system/linux/sockets.ts'
import {
  decodeMessages,
  encodeMessage,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_REQUEST,
  NLMSG_ERROR,
  text,
  uint32,
} from '../netlink.ts'
import { HOLD_CHAIN, TABLE } from '../rules/capture-plan.ts'

const SUBSYSTEM_NFTABLES = 10
const BATCH_BEGIN = 16
const BATCH_END = 17
const NEW_RULE = (SUBSYSTEM_NFTABLES << 8) | 6
const FAMILY_INET = 1
/** linux/netfilter/nf_tables.h, nf_tables_compat.h */
const RULE_TABLE = 1
const RULE_CHAIN = 2
const RULE_EXPRESSIONS = 4
const LIST_ELEMENT = 1
const EXPRESSION_NAME = 1
const EXPRESSION_DATA = 2
const TARGET_NAME = 1
const TARGET_REVISION = 2
const TARGET_INFO = 3
const REPLY_BYTES = 8192

/**
 * Appends `queue num N` to the hold chain where the kernel lacks nft's own statement (CONFIG_NFT_QUEUE, as in small virtual machines), by
 * way of the older NFQUEUE target (CONFIG_NFT_COMPAT), which nft cannot write but the kernel takes. Throws when it has neither.
 */
export function addHoldRule(queue: number): void {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)
  if (fd < 0) throw failed(-errno())
  try {
    const batch = Buffer.concat([control(BATCH_BEGIN, 1), rule(queue, 2), control(BATCH_END, 3)])
    if (send(fd, batch, batch.length, 0) < 0) throw failed(-errno())
    const reply = Buffer.alloc(REPLY_BYTES)
    const bytes = receive(fd, reply, reply.length, 0)
    if (bytes < 0) throw failed(-errno())
    const answer = decodeMessages(reply.subarray(0, bytes)).find(({ type }) => type === NLMSG_ERROR)
    if (answer?.error !== 0) throw failed(answer?.error ?? 0)
  } finally {
    close(fd)
  }
}

function control(type: number, sequence: number): Buffer {
  return encodeMessage({
    type,
    flags: NLM_F_REQUEST,
    sequence,
    family: 0,
    resource: SUBSYSTEM_NFTABLES,
    attributes: [],
  })
}

function rule(queue: number, sequence: number): Buffer {
  // struct xt_NFQ_info_v3 { __u16 queuenum, queues_total, flags; }, padded to 8 bytes
  const info = Buffer.alloc(8)
  info.writeUInt16LE(queue, 0)
  info.writeUInt16LE(1, 2)
  const target = [
    { type: TARGET_NAME, value: text('NFQUEUE') },
    { type: TARGET_REVISION, value: uint32(3) },
    { type: TARGET_INFO, value: info },
  ]
  const expression = [
    { type: EXPRESSION_NAME, value: text('target') },
    { type: EXPRESSION_DATA, value: target },
  ]
  return encodeMessage({
    type: NEW_RULE,
    flags: NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND,
    sequence,
    family: FAMILY_INET,
    resource: 0,
    attributes: [
      { type: RULE_TABLE, value: text(TABLE) },
      { type: RULE_CHAIN, value: text(HOLD_CHAIN) },
      { type: RULE_EXPRESSIONS, value: [{ type: LIST_ELEMENT, value: expression }] },
    ],
  })
}

function failed(code: number): GatewayError {
  return new GatewayError('INTERNAL', `capture: the kernel has no rule that queues packets (error ${code})`, {
    hint: 'Load the module nft_queue, or set capture.hold: off.',
  })
}
