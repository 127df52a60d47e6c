/** Several async iterables as one, in the order in which their values come. */

export type Merged<T> =
  | { readonly source: number; readonly value: T }
  /** A source failed; the others go on. */
  | { readonly source: number; readonly error: unknown }

/**
 * Each source has one question open at a time, so a slow consumer holds all of them back and nothing piles
 * up here. When the consumer leaves, sources are told and not waited for.
 */
export async function* merge<T>(sources: readonly AsyncIterable<T>[]): AsyncGenerator<Merged<T>, void> {
  const iterators = sources.map(source => source[Symbol.asyncIterator]())
  type Turn = { source: number; result: IteratorResult<T> } | { source: number; error: unknown }
  const ask = (source: number): Promise<Turn> =>
    iterators[source]!.next().then(
      result => ({ source, result }),
      error => ({ source, error })
    )
  const open = new Map(iterators.map((_, source) => [source, ask(source)]))
  try {
    while (open.size > 0) {
      const turn = await Promise.race(open.values())
      const { source } = turn
      if ('error' in turn) {
        open.delete(source)
        yield turn
      } else if (turn.result.done === true) {
        open.delete(source)
      } else {
        open.set(source, ask(source))
        yield { source, value: turn.result.value }
      }
    }
  } finally {
    for (const source of open.keys()) void iterators[source]!.return?.().catch(() => {})
  }
}
