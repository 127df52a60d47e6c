/**
 * Route tables between the tiers. A leaf tells its ultrapeers what it shares; an ultrapeer tells other ultrapeers what
 * it and its leaves share together (UQR 2.1), and keeps what it is told by both (QRP; Ultrapeers, 2).
 *
 * A table that claims everything says nothing. It is no part of what an ultrapeer tells others, and its leaf is asked
 * no more often than `UNROUTED_PER_SECOND` (`routing-rules.ts`), so that whoever sets all bits gains nothing.
 */
import { MalformedError } from '@servent/overlay/machine'
import { sayBye } from './bye-rules.ts'
import { extendToLeaf } from './extending-rules.ts'
import { newGuid } from './guid.ts'
import type { GnutellaMessage, RouteTablePatchMessage, RouteTableResetMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { priorityOf } from './priorities.ts'
import { slotOf } from './qrp-hash.ts'
import { type PatchPart, patchOf, ToldTable } from './qrp-patch.ts'
import { QueryRoutingTable } from './query-routing-table.ts'
import type { Fx, GnutellaState } from './state.ts'
import {
  TABLE_BITS_DEFAULT,
  TABLE_BITS_MIN,
  TABLE_BITS_OWN,
  TABLE_FILL_WANTED,
  TABLE_INFINITY,
  TABLE_MESSAGES_PER_LINK,
  TABLE_MESSAGES_PER_ROUND,
  TABLE_SETTLE_MS,
  WORDS_MAX
} from './tier-constants.ts'
import type { TableMessage, TierLink } from './tier-link.ts'
import type { Tiers } from './tiers.ts'

/** The host told what queries for what is shared here may name. */
export function takeWords(state: GnutellaState, fx: Fx, hashes: Uint32Array): void {
  takeTable(state, fx, hashes.length > WORDS_MAX ? everything() : tableOf(hashes))
}

function takeTable(state: GnutellaState, fx: Fx, own: QueryRoutingTable): void {
  const { tiers } = state
  if (own.equals(tiers.own)) return
  tiers.own = own
  tiers.stale = true
  renewTables(state)
  tellTables(state, fx)
}

/** Of files that came since. */
export function addWords(state: GnutellaState, fx: Fx, hashes: Uint32Array): void {
  const { tiers } = state
  // Nothing was told yet: everything is asked here as it is.
  if (tiers.own === undefined) return
  const own = new QueryRoutingTable(tiers.own.bits)
  own.or(tiers.own)
  for (const hash of hashes) own.put(slotOf(hash, own.bits), true)
  takeTable(state, fx, own)
}

/** Large enough for the words not to fill it. */
function tableOf(hashes: Uint32Array): QueryRoutingTable {
  let table = QueryRoutingTable.of(hashes, TABLE_BITS_DEFAULT)
  while (table.fill > TABLE_FILL_WANTED && table.bits < TABLE_BITS_OWN)
    table = QueryRoutingTable.of(hashes, table.bits + 1)
  return table
}

/** The table of a peer that shares more than a table can tell: no query must be kept from it. */
function everything(): QueryRoutingTable {
  const table = new QueryRoutingTable(TABLE_BITS_MIN)
  for (let slot = 0; slot < table.slots; slot += 1) table.put(slot, true)
  return table
}

/** A RESET or a part of a PATCH. A table that cannot be trusted cannot be mended: the link ends (QRP). */
export function onTable(
  state: GnutellaState,
  fx: Fx,
  neighbour: Neighbour,
  message: RouteTableResetMessage | RouteTablePatchMessage
): void {
  const { tiers, nowMs } = state
  const { tiered } = neighbour
  // Only ultrapeers route by tables; from others, and for a servent that is none, they mean nothing.
  if (
    tiers.tier !== 'ultrapeer' ||
    !tiers.queryRouting ||
    tiered === undefined ||
    neighbour.kind === 'flat'
  ) {
    state.count('descriptorsUnknown')
    return
  }
  try {
    if (message.ttl > 1 || message.hops !== 0) throw new MalformedError('a route table is for one link')
    take(tiered, message, nowMs)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    state.count('tablesRefused')
    sayBye(state, fx, neighbour, 400, `Your route table is no use: ${error.message}`)
    return
  }
  if (!tiered.told!.complete || !tiered.told!.between) return
  state.count('tablesReceived')
  if (neighbour.kind !== 'leaf') return
  tiers.stale = true
  extendToLeaf(state, fx, neighbour)
}

function take(
  tiered: TierLink,
  message: RouteTableResetMessage | RouteTablePatchMessage,
  nowMs: number
): void {
  if (message.type === 'table-reset') {
    charge(tiered, 2 ** message.bits, nowMs)
    tiered.told = new ToldTable(message.bits)
    return
  }
  const { told } = tiered
  if (told === undefined) throw new MalformedError('a patch came before its table')
  if (told.between) charge(tiered, told.table.slots, nowMs)
  told.take(message)
}

function charge(tiered: TierLink, slots: number, nowMs: number): void {
  if (!tiered.patched.take(slots, nowMs)) throw new MalformedError('it changes too often')
}

/** Brings together what is told to others, where something changed and the last time was long enough ago. */
export function renewTables(state: GnutellaState): void {
  const { tiers, neighbours, nowMs } = state
  const { own } = tiers
  if (!tiers.stale || own === undefined) return
  if (tiers.tier !== 'leaf' && !tiers.renewals.take(1, nowMs)) return
  tiers.stale = false
  const next = tiers.tier === 'leaf' ? own : together(own, neighbours.leaves)
  if (!next.equals(tiers.current)) tiers.current = next
}

/** Own words and those of leaves. Tables that claim everything are left out. */
function together(own: QueryRoutingTable, leaves: readonly Neighbour[]): QueryRoutingTable {
  const tables = leaves.flatMap(({ tiered }) => tiered?.soundTable ?? [])
  const bits = tables.reduce((most, table) => Math.max(most, Math.min(table.bits, TABLE_BITS_OWN)), own.bits)
  const sum = new QueryRoutingTable(bits)
  sum.or(own)
  for (const table of tables) sum.or(table)
  return sum
}

/** Tells ultrapeers what changed since they were told last, some messages at a time, and all of them in turn. */
export function tellTables(state: GnutellaState, fx: Fx): void {
  const { tiers } = state
  const { peers } = state.neighbours
  let left = TABLE_MESSAGES_PER_ROUND
  for (let count = 0; count < peers.length && left > 0; count += 1) {
    tiers.toldLast = (tiers.toldLast + 1) % peers.length
    left -= tellTable(state, fx, peers[tiers.toldLast]!, left)
  }
}

/** Tells one of them, and says by how many messages. */
export function tellTable(
  state: GnutellaState,
  fx: Fx,
  neighbour: Neighbour,
  most = TABLE_MESSAGES_PER_LINK
): number {
  const { tiered, kind, fullSinceMs } = neighbour
  if (!state.tiers.queryRouting || kind !== 'ultrapeer' || tiered?.readsTables !== true) return 0
  if (tiered.outbox.length === 0 && isDue(state, neighbour, tiered)) prepare(state.tiers, tiered)
  if (fullSinceMs !== undefined) return 0
  const some = tiered.outbox.splice(0, Math.min(most, TABLE_MESSAGES_PER_LINK))
  for (const message of some) send(state, fx, neighbour, message)
  return some.length
}

function isDue({ tiers, nowMs }: GnutellaState, { upMs }: Neighbour, { said, updates }: TierLink): boolean {
  if (tiers.current === undefined || tiers.current === said) return false
  // What an ultrapeer tells is renewed no more often than it may be told; a leaf's words may change at any time.
  if (tiers.tier === 'leaf') {
    if (updates.waitMs(1, nowMs) > 0) return false
    updates.charge(Math.max(1, tiers.current.slots / 2 ** TABLE_BITS_DEFAULT), nowMs)
    return true
  }
  return said !== undefined || nowMs - upMs! >= TABLE_SETTLE_MS
}

function prepare(tiers: Tiers, tiered: TierLink): void {
  const { said, entryBits } = tiered
  const to = tiers.current!
  const from = said?.bits === to.bits ? said : undefined
  tiered.said = to
  if (to.equals(from)) return
  tiered.outbox = [...(from === undefined ? [{ bits: to.bits }] : []), ...partsOf(tiers, from, to, entryBits)]
}

function partsOf(
  tiers: Tiers,
  from: QueryRoutingTable | undefined,
  to: QueryRoutingTable,
  entryBits: 1 | 4
): readonly PatchPart[] {
  const { made } = tiers
  if (made?.from === from && made?.to === to && made.entryBits === entryBits) return made.parts
  const parts = patchOf(from, to, entryBits)
  tiers.made = { from, to, entryBits, parts }
  return parts
}

function send(state: GnutellaState, fx: Fx, { link }: Neighbour, said: TableMessage): void {
  const header = { guid: newGuid(fx), ttl: 1, hops: 0 }
  const message: GnutellaMessage =
    'data' in said
      ? { type: 'table-patch', ...header, ...said }
      : { type: 'table-reset', ...header, bits: said.bits, infinity: TABLE_INFINITY }
  state.count('tableMessagesSent')
  fx.send(link, message, priorityOf(message))
}
