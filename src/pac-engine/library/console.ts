/**
 * `console`, which V8 gives every context, also one without a console to show it in: there its methods do nothing, and do not even convert their arguments. A script
 * under which somebody forgot one works in browsers, so it works here. What is to be seen is for `alert`.
 */
export const consoleObject = `
const silent = [
  'debug', 'error', 'info', 'log', 'warn', 'dir', 'dirxml', 'table', 'trace', 'group', 'groupCollapsed', 'groupEnd', 'clear', 'count', 'countReset',
  'assert', 'profile', 'profileEnd', 'time', 'timeLog', 'timeEnd', 'timeStamp',
]

function silentConsole() {
  const made = dictionary(dictionary(Object.prototype))
  for (let i = 0; i < silent.length; i++) made[silent[i]] = { [silent[i]]() {} }[silent[i]]
  made.context = { context() { return silentConsole() } }.context
  made.createTask = { createTask() { return { run(task) { return task() } } } }.createTask
  define(made, Symbol.toStringTag, { value: 'console', configurable: true })
  return made
}
`
