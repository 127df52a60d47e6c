/** Finds the file that a user means: by a whole id, the beginning of one, a row of the last search, a ticket. */
import { AmbiguousError, NotFoundError, type ServentNode } from '@servent/node'
import { ContentId, decodeTicket } from '@servent/overlay'

/** The first characters are the same for every id of a kind; fewer than these mean nothing. */
const PREFIX_CHARACTERS_MIN = 12
const PREFIX = /^[a-z2-7]+$/
const ROW = /^\d{1,6}$/
/** Files of the library looked through at a time: the event loop breathes between pages. */
const PAGE_FILES = 1000
/** Ids named in a refusal. */
const SHOWN_MAX = 3

/**
 * The id that starts with `text`, among shared files, downloads and the last search.
 *
 * @throws NotFoundError   no file here has such an id
 * @throws AmbiguousError  several have
 */
export async function resolveId(node: ServentNode, text: string): Promise<ContentId> {
  const whole = parse(text)
  if (whole !== undefined) return whole
  if (!PREFIX.test(text))
    throw new NotFoundError(`${JSON.stringify(text)} is no id, nor the beginning of one.`)
  if (text.length < PREFIX_CHARACTERS_MIN) {
    throw new AmbiguousError(`An id needs ${PREFIX_CHARACTERS_MIN} characters at least; all ids begin alike.`)
  }
  const found = new Set<string>()
  const look = (id: string) => {
    if (id.startsWith(text)) found.add(id)
  }
  for (const { id } of node.downloads()) look(id)
  for (const { id } of node.lastSearch()) look(id)
  let after: number | undefined
  do {
    const page = await node.library({ limit: PAGE_FILES, ...(after === undefined ? {} : { after }) })
    for (const { id } of page.files) look(id)
    after = page.next
  } while (after !== undefined && found.size <= SHOWN_MAX)

  const ids = [...found]
  if (ids.length === 0)
    throw new NotFoundError(`No shared file, download or search result has an id that starts with ${text}.`)
  if (ids.length > 1) {
    throw new AmbiguousError(
      `${text} is the beginning of several ids: ${ids.slice(0, SHOWN_MAX).join(', ')}${ids.length > SHOWN_MAX ? ', …' : ''}.`
    )
  }
  return ContentId.parse(ids[0]!)
}

function parse(text: string): ContentId | undefined {
  try {
    return ContentId.parse(text)
  } catch {
    return undefined
  }
}

export interface Subject {
  readonly id: string
  readonly name?: string
  readonly size?: number
}

/** What is known of the file that `get` is asked for, to show before its first bytes come. */
export async function subjectOf(node: ServentNode, what: string): Promise<Subject | undefined> {
  if (ROW.test(what)) return node.lastSearch().find(row => row.row === Number(what))
  try {
    const { id, name, size } = decodeTicket(what)
    return { id: id.toString(), name, size }
  } catch {
    // No ticket, then.
  }
  try {
    const id = (await resolveId(node, what)).toString()
    return (
      node.lastSearch().find(row => row.id === id) ?? node.downloads().find(one => one.id === id) ?? { id }
    )
  } catch {
    // The node itself says what is wrong with it.
    return undefined
  }
}
