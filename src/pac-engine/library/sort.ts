/**
 * `sort` with a function, as V8 does it: what an order that is none comes to, such as `function (a, b) { return a < b }` in old scripts, hangs on which elements are compared, and
 * when. Below 64 elements V8's TimSort (third_party/v8/builtins/array-sort.tq) is a run and binary insertion, which this is; longer lists, and arrays with holes, go to QuickJS.
 * Of any real order both make the same.
 */
export const sort = `
const isArray = Array.isArray, nativeSort = Array.prototype.sort

const sort = {
  sort(compare) {
    if (typeof compare !== 'function' || !isArray(this) || this.length >= 64) return apply(nativeSort, this, [compare])
    const length = this.length, work = bare()
    for (let i = 0; i < length; i++) if (!(i in this)) return apply(nativeSort, this, [compare])
    let count = 0
    for (let i = 0; i < length; i++) {
      const element = this[i]
      if (element !== undefined) work[count++] = element
    }
    if (count > 1) insertAll(work, countRun(work, count, compare), count, compare)
    for (let i = 0; i < length; i++) this[i] = i < count ? work[i] : undefined
    return this
  },
}.sort

// How many at the front are in order; if they are in the reverse one, they are turned round.
function countRun(work, count, compare) {
  const descending = +compare(work[1], work[0]) < 0
  let run = 2
  while (run < count && +compare(work[run], work[run - 1]) < 0 === descending) run++
  for (let i = 0, j = run - 1; descending && i < j; i++, j--) {
    const element = work[i]
    work[i] = work[j]
    work[j] = element
  }
  return run
}

function insertAll(work, from, count, compare) {
  for (let i = from; i < count; i++) {
    const element = work[i]
    let left = 0, right = i
    while (left < right) {
      const middle = (left + right) >> 1
      if (+compare(element, work[middle]) < 0) right = middle
      else left = middle + 1
    }
    for (let j = i; j > left; j--) work[j] = work[j - 1]
    work[left] = element
  }
}
`
