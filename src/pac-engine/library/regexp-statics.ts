/**
 * `RegExp.$1` and its kin, as browsers have them (proposal "Legacy RegExp features in JavaScript", Annex B style): of the last match, whoever made it.
 * QuickJS has none, and a script that reads one would get "undefined" into its answer. It costs each match something, so only scripts that mention
 * `RegExp.` get it. Runs in the VM as the script's own code does, and reaches no more than that.
 */
export const regexpStatics = `(function () {
  var native = RegExp.prototype.exec, cut = String.prototype.slice, call = Reflect.apply, define = Object.defineProperty
  var setPrototypeOf = Object.setPrototypeOf
  var input = '', from = 0, to = 0, groups = ['']
  define(RegExp.prototype, 'exec', {
    value: function exec(string) {
      var match = call(native, this, [string])
      if (match !== null) {
        input = match.input
        from = match.index
        to = from + match[0].length
        groups = setPrototypeOf([], null)
        for (var i = 0; i < match.length; i++) groups[i] = match[i] === undefined ? '' : match[i]
      }
      return match
    },
    writable: true, enumerable: false, configurable: true
  })
  function show(names, get) {
    for (var i = 0; i < names.length; i++)
      define(RegExp, names[i], { get: get, set: function () {}, enumerable: false, configurable: true })
  }
  show(['input', '$_'], function () { return input })
  show(['lastMatch', '$&'], function () { return groups[0] })
  show(['lastParen', '$+'], function () { return groups.length > 1 ? groups[groups.length - 1] : '' })
  show(['leftContext', '$\`'], function () { return call(cut, input, [0, from]) })
  show(['rightContext', "$'"], function () { return call(cut, input, [to]) })
  ;[1, 2, 3, 4, 5, 6, 7, 8, 9].forEach(function (n) {
    show(['$' + n], function () { return n < groups.length ? groups[n] : '' })
  })
})()`

/** Whether a script may read one of them. */
export function readsRegexpStatics(script: string): boolean {
  return /\bRegExp\s{0,8}(?:\.|\[)/.test(script)
}
