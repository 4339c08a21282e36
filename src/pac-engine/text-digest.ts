const FNV_PRIME = 16_777_619
const FNV_BASIS = 0x811c9dc5

/** FNV-1a over the text's code units, folded so that its low bits hang on all: 32 bits to tell texts apart by, which says nothing certain. */
export function digestOf(text: string): number {
  let digest = FNV_BASIS
  for (let i = 0; i < text.length; i++) digest = Math.imul(digest ^ text.charCodeAt(i), FNV_PRIME)
  return digest ^ (digest >>> 15)
}
