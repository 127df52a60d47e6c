/** What is known of a file that `get` is asked for, to show before its first bytes come. */
import type { ServentNode } from '@servent/node'
import { decodeTicket, folderName } from '@servent/overlay'

const ROW = /^\d{1,6}$/
const WISH_ROW = /^(\d{1,9})\.(\d{1,9})$/
const TICKET = /^servent1/i

export interface Subject {
  readonly id: string
  readonly name?: string
  readonly size?: number
}

/** @throws what the node refuses it with: no such row, a damaged ticket, an id that several begin like */
export async function subjectOf(node: ServentNode, what: string): Promise<Subject | undefined> {
  const text = what.trim()
  const rows = node.lastSearch()
  // A row that there is not is refused by `get` itself, in the node's words.
  if (ROW.test(text)) return rows.find(row => row.row === Number(text))
  const wish = WISH_ROW.exec(text)
  if (wish !== null)
    return node.wishRows(Number(wish[1]), { all: true }).find(({ row }) => row === Number(wish[2]))
  if (TICKET.test(text)) {
    const { id, name, size } = decodeTicket(text)
    const folder = folderName(name)
    // The size is that of its listing, which tells nothing.
    return folder === undefined ? { id: id.toString(), name, size } : { id: id.toString(), name: folder }
  }
  const id = (await node.resolve(text)).toString()
  return rows.find(row => row.id === id) ?? node.downloads().find(one => one.id === id) ?? { id }
}
