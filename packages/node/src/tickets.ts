/** Tickets for what is shared here, or being fetched. */
import { isLoopback } from '@servent/libp2p-host'
import {
  type Catalogue,
  CONTACT_ADDRESSES_MAX,
  type ContentId,
  encodeTicket,
  TICKET_PROVIDERS_MAX,
  type TicketProvider
} from '@servent/overlay'
import { NotFoundError } from './errors.ts'
import { type Known, resolveTarget } from './targets.ts'

/** Private and link-local ranges are kept: a ticket is often for the machine beside this one. */

/**
 * Addresses that others may reach this node by, the more useful ones first. Loopback is for this machine
 * alone, so it is left out unless there is nothing else.
 */
export function ticketAddresses(addresses: readonly string[]): string[] {
  const bare = [...new Set(addresses.map(address => address.replace(/\/p2p\/[^/]+$/, '')))]
  const far = bare.filter(address => !isLoopback(address))
  return (far.length > 0 ? far : bare).slice(0, CONTACT_ADDRESSES_MAX)
}

export interface TicketInit {
  readonly self: TicketProvider
  readonly catalogue: Catalogue
  readonly known: Known
}

/** @throws NotFoundError  nothing with this id is shared here or downloading */
export async function makeTicket(id: ContentId, { self, catalogue, known }: TicketInit): Promise<string> {
  const file = await catalogue.get(id)
  if (file !== undefined) return encodeTicket({ id, size: file.size, name: file.name, providers: [self] })
  const text = id.toString()
  const download = known.downloads.find(one => one.id === text)
  if (download?.size === undefined) {
    throw new NotFoundError(
      `No file with the id ${text} is shared here or being fetched. servent library lists what is shared.`
    )
  }
  if (download.files !== undefined) {
    throw new NotFoundError(
      `${download.name} is a folder that is fetched from others: the ticket that it came by is good for others too. Share it to make one of your own.`
    )
  }
  // Not shared here, so the ticket names those who were seen to have it.
  const { providers } = await resolveTarget(text, known)
  const named = providers.filter(one => one.addresses.length > 0).slice(0, TICKET_PROVIDERS_MAX)
  return encodeTicket({
    id,
    size: download.size,
    name: download.name,
    providers: named.map(({ peerId, addresses }) => ({ peerId, addresses: ticketAddresses(addresses) }))
  })
}
