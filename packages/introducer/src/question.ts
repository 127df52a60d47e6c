/** Reads and writes what `GET /v1/peers` is asked: `overlay` (repeatable), `role`, `limit`, `nonce`. */
import { isName } from './announcement.ts'
import type { Question } from './answer.ts'
import { RefusedError } from './errors.ts'
import { ANSWER_PEERS_MAX, NONCE_CHARACTERS_MAX, QUERY_OVERLAYS_MAX } from './limits.ts'

/** @throws RefusedError  something is unknown, said twice or out of its bounds */
export function readQuestion(query: URLSearchParams): Question {
  const unknown = [...query.keys()].find(name => !['overlay', 'role', 'limit', 'nonce'].includes(name))
  if (unknown !== undefined) throw refuse('It takes overlay, role, limit and nonce.')
  const overlays = query.getAll('overlay')
  if (overlays.length > QUERY_OVERLAYS_MAX || !overlays.every(isName))
    throw refuse(`It takes at most ${QUERY_OVERLAYS_MAX} names of overlays.`)
  const role = one(query, 'role')
  if (role !== undefined && !isName(role)) throw refuse('A role is a name, as ultrapeer.')
  const limit = one(query, 'limit') ?? String(ANSWER_PEERS_MAX)
  if (!/^\d{1,3}$/.test(limit) || Number(limit) < 1 || Number(limit) > ANSWER_PEERS_MAX)
    throw refuse(`limit is a number from 1 to ${ANSWER_PEERS_MAX}.`)
  const nonce = one(query, 'nonce')
  if (nonce !== undefined && (nonce.length > NONCE_CHARACTERS_MAX || !/^[\w-]+$/.test(nonce)))
    throw refuse(`A nonce has at most ${NONCE_CHARACTERS_MAX} letters, digits, _ and -.`)
  return questionOf({ overlays, role, limit: Number(limit), nonce })
}

/** Its fields in the order in which both sides write them. */
export function questionOf(parts: {
  readonly overlays: readonly string[]
  readonly role?: string | undefined
  readonly limit: number
  readonly nonce?: string | undefined
}): Question {
  const { overlays, role, limit, nonce } = parts
  return {
    overlays,
    ...(role === undefined ? {} : { role }),
    limit,
    ...(nonce === undefined ? {} : { nonce })
  }
}

export function queryOf({ overlays, role, limit, nonce }: Question): URLSearchParams {
  const query = new URLSearchParams(overlays.map(name => ['overlay', name]))
  if (role !== undefined) query.set('role', role)
  query.set('limit', String(limit))
  if (nonce !== undefined) query.set('nonce', nonce)
  return query
}

function one(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name)
  if (values.length > 1) throw refuse(`It takes one ${name}.`)
  return values[0]
}

const refuse = (message: string): RefusedError =>
  new RefusedError(400, 'usage', message, 'GET /v1/peers?overlay=gnutella&limit=20')
