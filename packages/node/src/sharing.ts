/** `share` as a stream of events, and pages of the library. */
import type { Library, LibraryProgress, ShareResult } from '@servent/library'
import type { LibraryProgressView, LibraryView, ShareEvent } from './types.ts'

/** Files of one page, where the caller does not say. */
const PAGE_FILES = 100
/** What the library gives at a time. */
const PAGE_FILES_MAX = 1000

/** Ends with `done`. Progress that nobody took in time is replaced by what is newer. */
export async function* share(
  library: Library,
  path: string,
  ticketOf: (shared: ShareResult) => Promise<{ readonly ticket: string; readonly leftOut?: number }>,
  signal: AbortSignal
): AsyncGenerator<ShareEvent, void> {
  let latest: LibraryProgress | undefined
  let wake = () => {}
  const onProgress = (progress: LibraryProgress) => {
    latest = progress
    wake()
  }
  let result: ShareResult | undefined
  const shared = library.share(path, { signal, onProgress }).then(value => {
    result = value
  })
  // Rethrown by the race below; this only says that somebody looks after it.
  shared.catch(() => {})
  while (result === undefined) {
    await Promise.race([shared, new Promise<void>(resolve => (wake = resolve))])
    const told = latest
    latest = undefined
    if (told === undefined || (told.phase !== 'scanning' && told.phase !== 'hashing')) continue
    const { phase, files, filesTotal, bytes, bytesTotal, leftMs, name } = told
    yield {
      event: 'progress',
      phase,
      files,
      filesTotal,
      bytes,
      bytesTotal,
      ...(leftMs === undefined ? {} : { leftMs }),
      ...(name === undefined ? {} : { name })
    }
  }
  const { files, bytes, ids, more } = result
  const problems = [...result.problems]
  let ticket: { readonly ticket: string; readonly leftOut?: number } | undefined
  try {
    if (files > 0) ticket = await ticketOf(result)
  } catch (error) {
    // A folder with more files than a listing holds is shared nevertheless; one that changes now has a ticket later.
    problems.push({ path: result.path, reason: `It has no ticket. ${(error as Error).message}` })
  }
  yield {
    event: 'done',
    files,
    bytes,
    ids: ids.map(String),
    more,
    ...(ticket === undefined ? {} : { ticket: ticket.ticket }),
    ...(ticket?.leftOut === undefined ? {} : { leftOut: ticket.leftOut }),
    ...(problems.length === 0 ? {} : { problems })
  }
}

export async function libraryView(
  library: Library | undefined,
  options: { after?: number; limit?: number }
): Promise<LibraryView> {
  if (library === undefined) return { roots: [], problems: [], files: [], totals: { files: 0, bytes: 0 } }
  const { after } = options
  const limit = Math.min(options.limit ?? PAGE_FILES, PAGE_FILES_MAX)
  const entries = await library.list({ limit, ...(after === undefined ? {} : { after }) })
  const last = entries.at(-1)
  return {
    roots: library.roots().map(({ path, files, bytes, present, reason }) => ({
      path,
      files,
      bytes,
      present,
      ...(reason === undefined ? {} : { reason })
    })),
    problems: library.problems(),
    ...progressView(library.progress()),
    files: entries.flatMap(({ index, id, name, path, size, type, tags = {}, state }) =>
      state === 'shared' && index !== undefined && id !== undefined
        ? [{ index, id: id.toString(), name, path, size, type, tags }]
        : []
    ),
    totals: { files: library.totals.files, bytes: library.totals.bytes },
    ...(entries.length < limit || last === undefined ? {} : { next: last.entry })
  }
}

/** Nothing where there is nothing to do. */
export function progressView(
  progress: LibraryProgress | undefined
): { progress: LibraryProgressView } | Record<never, never> {
  if (progress === undefined || progress.phase === 'idle') return {}
  const { phase, files, filesTotal, bytes, bytesTotal, leftMs, reason } = progress
  const more = { ...(leftMs === undefined ? {} : { leftMs }), ...(reason === undefined ? {} : { reason }) }
  return { progress: { phase, files, filesTotal, bytes, bytesTotal, ...more } }
}
