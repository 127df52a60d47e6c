/**
 * What must hold of every network of two tiers, seen from above: what leaves and what arrives is looked at, and the
 * tables are kept as whoever tells them meant them.
 */
import type { QueryMessage } from '../src/messages.ts'
import { hashesOfQuery } from '../src/qrp-hash.ts'
import { ToldTable } from '../src/qrp-patch.ts'
import { TABLE_BITS_MIN, TABLE_FILL_CLAIMED } from '../src/tier-constants.ts'
import type { Sent, SmallNetwork } from './small-network.ts'

/** Gives what goes wrong, as it does. */
export function watchTiers(network: SmallNetwork): string[] {
  const wrongs: string[] = []
  const told = new Map<string, ToldTable>()
  const isLeaf = (number: number) => network.nodes.get(number)?.machine.snapshot().tiers?.tier === 'leaf'
  const had = new Set<string>()

  network.arrivals.push(({ from, to, message }: Sent) => {
    const edge = `${from} to ${to}`
    if (message.type === 'connect') {
      // Another link: nothing was told on it.
      told.delete(edge)
      told.delete(`${to} to ${from}`)
    }
    if (message.type === 'table-reset') told.set(edge, new ToldTable(message.bits))
    if (message.type === 'table-patch') told.get(edge)?.take(message)
    if (message.type === 'query') had.add(`${message.guid} at ${to}`)
  })

  network.observers.push(({ from, to, message }: Sent) => {
    if (message.type === 'query') {
      checkQuery(from, to, message)
      return
    }
    // A leaf speaks for itself and never for others.
    const mayBeHandedOn = message.type === 'push' || message.type === 'ping' || message.type === 'query-hit'
    if (mayBeHandedOn && message.hops > 0 && isLeaf(from))
      wrongs.push(`the leaf ${from} handed a ${message.type} on to ${to}`)
  })

  function checkQuery(from: number, to: number, query: QueryMessage): void {
    const links = [...network.nodes.get(from)!.halves.values()].filter(
      ({ other }) => other.node.number === to
    )
    if (links.length > 1) wrongs.push(`${from} has ${links.length} links to ${to}`)
    if (isLeaf(from)) {
      if (query.hops > 0 || had.has(`${query.guid} at ${from}`))
        wrongs.push(`the leaf ${from} handed a query on to ${to}`)
      return
    }
    const table = told.get(`${to} to ${from}`)
    if (table?.complete !== true || table.table.mayMatch(hashesOfQuery(query))) return
    const says = table.table.bits >= TABLE_BITS_MIN && table.table.fill <= TABLE_FILL_CLAIMED
    if (isLeaf(to) && says) wrongs.push(`${from} asked the leaf ${to}, whose table excludes "${query.text}"`)
    if (!isLeaf(to) && query.ttl === 1)
      wrongs.push(`${from} asked ${to} on the last hop, whose table excludes "${query.text}"`)
  }
  return wrongs
}

/** Pongs that each link carried in any three seconds: the most of them. */
export function watchPongs(network: SmallNetwork): { readonly most: number } {
  const sentMs = new Map<string, number[]>()
  const watched = { most: 0 }
  network.observers.push(({ atMs, from, to, message }) => {
    // Another link of the two has a budget of its own.
    if (message.type === 'status') sentMs.delete(`${from} to ${to}`)
    if (message.type !== 'pong') return
    const edge = `${from} to ${to}`
    const times = [...(sentMs.get(edge) ?? []), atMs].filter(time => atMs - time < 3_000)
    sentMs.set(edge, times)
    watched.most = Math.max(watched.most, times.length)
  })
  return watched
}
