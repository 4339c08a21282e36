/**
 * `Math.random()`: seeded by the host for each VM, for VMs are copies of one another (xoshiro128+, Blackman and Vigna 2018). The host hears of it:
 * a decision that hangs on chance is not remembered.
 */
export const chance = `
let s0 = 1, s1 = 2, s2 = 3, s3 = 4

function seed(list) {
  s0 = list[0] | 0
  s1 = list[1] | 0
  s2 = list[2] | 0
  s3 = list[3] | 1
}

function next32() {
  const result = (s0 + s3) >>> 0
  const t = s1 << 9
  s2 ^= s0
  s3 ^= s1
  s1 ^= s2
  s0 ^= s3
  s2 ^= t
  s3 = (s3 << 11) | (s3 >>> 21)
  return result
}

const chance = { random() { random = true; return ((next32() >>> 5) * 67108864 + (next32() >>> 6)) / 9007199254740992 } }.random
`
