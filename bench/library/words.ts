/** Names as people give them: four to eight words of a vocabulary in which few are common and most are rare. */
const VOCABULARY_WORDS = 100_000
const WORDS_MIN = 4
const WORDS_MAX = 8

/** Numbers in [0, 1), the same in each run (mulberry32). */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Zipf's law with exponent 1: the n-th word comes 1/n as often as the first. */
export class Words {
  readonly #chance: () => number
  readonly #sums = new Float64Array(VOCABULARY_WORDS)

  constructor(seed: number) {
    this.#chance = chance(seed)
    let sum = 0
    for (let rank = 0; rank < VOCABULARY_WORDS; rank += 1) {
      sum += 1 / (rank + 1)
      this.#sums[rank] = sum
    }
  }

  /** A word by its rank, 0 for the most common. */
  static at(rank: number): string {
    return `w${rank.toString(36)}`
  }

  whole(below: number): number {
    return Math.floor(this.#chance() * below)
  }

  any(): string {
    const wanted = this.#chance() * this.#sums[VOCABULARY_WORDS - 1]!
    let [low, high] = [0, VOCABULARY_WORDS - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#sums[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return Words.at(low)
  }

  name(): string[] {
    return Array.from({ length: WORDS_MIN + this.whole(WORDS_MAX - WORDS_MIN + 1) }, () => this.any())
  }
}

export interface Queries {
  /** Two words of one name: what somebody asks who knows what there is. */
  readonly 'two words of a name': readonly string[]
  /** Two of the twenty most common words: many match. */
  readonly 'two common words': readonly string[]
  /** A common word and one that is in no name. */
  readonly 'nothing matches': readonly string[]
}

const COMMON_WORDS = 20

/** @param names  of which the words of the first kind are taken, one after another */
export function queriesFor(names: readonly (readonly string[])[], count: number, words: Words): Queries {
  const common = (): string => Words.at(words.whole(COMMON_WORDS))
  const list = (make: (n: number) => string): string[] => Array.from({ length: count }, (_, n) => make(n))
  return {
    'two words of a name': list(n => {
      const name = names[n % names.length]!
      return `${name[0]} ${name[1 + words.whole(name.length - 1)]}`
    }),
    'two common words': list(() => `${common()} ${common()}`),
    'nothing matches': list(n => `${common()} nowhere${n}`)
  }
}
