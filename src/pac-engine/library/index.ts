import type { PacLimits } from '../limits.ts'
import { alert } from './alert.ts'
import { chance } from './chance.ts'
import { consoleObject } from './console.ts'
import { dateRange } from './date-range.ts'
import { dnsDomainIs } from './dns-domain-is.ts'
import { dnsDomainLevels } from './dns-domain-levels.ts'
import { dnsResolve } from './dns-resolve.ts'
import { dnsResolveEx } from './dns-resolve-ex.ts'
import { find } from './find.ts'
import { getClientVersion } from './get-client-version.ts'
import { ipAddress } from './ip-address.ts'
import { isInNet } from './is-in-net.ts'
import { isInNetEx } from './is-in-net-ex.ts'
import { isPlainHostName } from './is-plain-host-name.ts'
import { isResolvable } from './is-resolvable.ts'
import { isResolvableEx } from './is-resolvable-ex.ts'
import { localDate } from './local-date.ts'
import { localHostOrDomainIs } from './local-host-or-domain-is.ts'
import { myIpAddress } from './my-ip-address.ts'
import { myIpAddressEx } from './my-ip-address-ex.ts'
import { now } from './now.ts'
import { session } from './session.ts'
import { shExpMatch } from './sh-exp-match.ts'
import { sort } from './sort.ts'
import { sortIpAddressList } from './sort-ip-address-list.ts'
import { timeRange } from './time-range.ts'
import { weekdayRange } from './weekday-range.ts'

/**
 * The PAC functions as a program for the VM. Its value is the function `control`, held by the host and not reachable from the script; what the
 * script sees are the globals it leaves behind, which it may replace as it may in a browser. `bridged` are the names that pac-resolver defines.
 */
export function librarySource(limits: PacLimits, bridged: readonly string[]): string {
  const bounds = {
    names: limits.dnsNames,
    calls: limits.tracedCalls,
    lastCalls: limits.tracedLast,
    alerts: limits.alerts,
    chars: limits.tracedChars,
    answer: limits.answerChars,
    bridged,
  }
  return [
    `(function () { 'use strict'\nconst limits = ${JSON.stringify(bounds)}`,
    captured,
    session,
    ipAddress,
    now,
    localDate,
    chance,
    consoleObject,
    sort,
    ...functions,
    find,
    globals,
    'return control })()',
  ].join('\n')
}

const functions = [
  alert,
  dateRange,
  dnsDomainIs,
  dnsDomainLevels,
  dnsResolve,
  dnsResolveEx,
  getClientVersion,
  isInNet,
  isInNetEx,
  isPlainHostName,
  isResolvable,
  isResolvableEx,
  localHostOrDomainIs,
  myIpAddress,
  myIpAddressEx,
  shExpMatch,
  sortIpAddressList,
  timeRange,
  weekdayRange,
]

/** Built-ins as they were before the script could touch them. */
const captured = `
var apply = Reflect.apply
const define = Object.defineProperty
const setPrototypeOf = Object.setPrototypeOf
const hasOwn = Object.hasOwn
const int = parseInt
const isNaN = Number.isNaN
const parse = JSON.parse
const evaluate = eval
const DateClass = Date
const PromiseClass = Promise
const {
  getFullYear, getMonth, getDate, getDay, getHours, getMinutes, getSeconds,
  getUTCFullYear, getUTCMonth, getUTCDate, getUTCDay, getUTCHours, getUTCMinutes, getUTCSeconds,
} = Date.prototype

// A text's methods as functions: a script may put others in their place, and a faulty polyfill must not decide what a helper answers. They cost somewhat more than methods do.
function asFunction(method) { return apply(Function.prototype.bind, Function.prototype.call, [method]) }
const strings = String.prototype
var ends = asFunction(strings.endsWith), starts = asFunction(strings.startsWith), placeIn = asFunction(strings.indexOf)
var cut = asFunction(strings.slice), codeAt = asFunction(strings.charCodeAt), contains = asFunction(strings.includes)

// Those that helpers call as methods, where a script lets them. Not all scripts that replace one say so in so many words.
const { endsWith, startsWith, indexOf } = strings
function hasReplaced() {
  try {
    return strings.endsWith !== endsWith || strings.startsWith !== startsWith || strings.indexOf !== indexOf
  } catch {
    return true
  }
}

// An array to write to: on Array.prototype a script may have put setters.
function bare() { return setPrototypeOf([], null) }

function notAscii(string) {
  for (let i = 0; i < string.length; i++) if (codeAt(string, i) > 127) return true
  return false
}
`

const globals = `
for (const [name, value] of Object.entries({
  alert, dateRange, dnsDomainIs, dnsDomainLevels, dnsResolve, dnsResolveEx, getClientVersion, isInNet, isInNetEx, isPlainHostName,
  isResolvable, isResolvableEx, localHostOrDomainIs, myIpAddress, myIpAddressEx, shExpMatch, sortIpAddressList, timeRange, weekdayRange,
  isValidIpAddress, convert_addr, wdays, months,
})) Object.defineProperty(global, name, { value, writable: true, enumerable: true, configurable: true })

// Where pac-resolver finds a function under this name it takes that one and makes no host function. 'seal' takes them away again.
const bridgeNames = ['__find', 'FindProxyForURL']
Object.defineProperty(global, '__find', { value: find, configurable: true })
for (const name of limits.bridged) {
  const key = '__degeneratorSandboxFunction:' + name
  bridgeNames.push(key)
  Object.defineProperty(global, key, { value: global[name], configurable: true })
}

Math.random = chance
Array.prototype.sort = sort
Object.defineProperty(global, 'console', { value: silentConsole(), writable: true, configurable: true })

// A browser's PAC environment has none of these.
for (const name of ['performance', 'DOMException', 'queueMicrotask']) delete global[name]

// A call site names the functions on the stack, the library's own among them: V8 hides strict functions there, QuickJS does not.
Error.prepareStackTrace = (_, sites) => sites
const site = new Error('').stack[0]
Error.prepareStackTrace = undefined
if (site) delete Object.getPrototypeOf(site).getFunction
`
