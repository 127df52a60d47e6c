/** How many servers a Napster network has, and which of them are linked. */
import { MESH_LINKS_MAX, SERVERS_MAX } from '@servent/napster/machine'

/** A server has places for a quarter more, so that users who choose one by chance find room. */
const USERS_PER_SERVER = 16_000

/** Links from user to user: one to a server, two at most between servers, one to who has the file. */
export const FIND_STEPS = 4

/** Servers of so many users: no more than a user knows. */
export function serversOf(users: number): number {
  return Math.min(SERVERS_MAX, Math.ceil(users / USERS_PER_SERVER))
}

/** As many as `napster.servers` says, or, where that is 0, those of so many users. */
export function serverCount(servers: number, users: number): number {
  return servers > 0 ? servers : serversOf(users)
}

/**
 * Pairs of servers by number. As long as each has links for all others, all are linked with all. More of them stand in the
 * rows and columns of a square, and each is linked with those of its own row and column: from any server to any
 * other there are then two links at most, as far as a query goes. Rows are filled one after the other, so that
 * of the two corners between two servers one is always there.
 */
export function serverLinks(count: number): (readonly [number, number])[] {
  const columns = count <= MESH_LINKS_MAX + 1 ? count : Math.ceil(Math.sqrt(count))
  const rowOf = (server: number) => Math.floor(server / columns)
  const pairs: (readonly [number, number])[] = []
  for (let one = 0; one < count; one += 1) {
    for (let other = one + 1; other < count; other += 1) {
      const isLinked = rowOf(one) === rowOf(other) || one % columns === other % columns
      if (isLinked) pairs.push([one, other])
    }
  }
  return pairs
}
