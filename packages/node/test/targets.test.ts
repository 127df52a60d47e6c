import { type Catalogue, ContentId, decodeTicket, encodeTicket, type SharedFile } from '@servent/overlay'
import type { DownloadStatus } from '@servent/transfer'
import { expect, test } from 'vitest'
import { type Known, resolveId, resolveTarget } from '../src/targets.ts'
import { makeTicket, ticketAddresses } from '../src/tickets.ts'
import type { SearchRow } from '../src/types.ts'
import { idOf, PEER_A, PEER_B } from './support/hits.ts'

const row = (number: number): SearchRow => ({
  row: number,
  id: idOf(number).toString(),
  name: `file ${number}.txt`,
  size: 100,
  type: 'text/plain',
  providers: [{ peerId: PEER_A, addresses: ['/ip4/192.0.2.1/tcp/6346'], overlay: 'gnutella' }],
  overlays: ['gnutella']
})

function known(
  rows: readonly SearchRow[] = [],
  shared: readonly ContentId[] = [],
  fetched: readonly ContentId[] = []
) {
  const files = shared.map(id => ({ id, size: 100, name: 'mine.txt' }) as SharedFile)
  const catalogue = {
    async *files() {
      yield* files
    },
    get: async (id: ContentId) => files.find(file => file.id.equals(id))
  } as unknown as Catalogue
  const downloads = fetched.map(
    id => ({ id: id.toString(), name: 'theirs.txt', size: 100 }) as DownloadStatus
  )
  return { rows, downloads, catalogue } satisfies Known
}

test('a row of the last search brings its providers', async () => {
  expect(await resolveTarget(' 2 ', known([row(1), row(2)]))).toEqual({
    id: idOf(2),
    size: 100,
    name: 'file 2.txt',
    providers: row(2).providers
  })
  await expect(resolveTarget('3', known([row(1), row(2)]))).rejects.toThrow(
    'There is no row 3. The last search has rows 1 to 2'
  )
  await expect(resolveTarget('1', known())).rejects.toThrow('Nothing was found or searched yet')
})

test('a ticket brings its own providers', async () => {
  const providers = [{ peerId: PEER_A, addresses: ['/ip4/192.0.2.1/tcp/6346'] }]
  const ticket = encodeTicket({ id: idOf(7), size: 100, name: 'seven.txt', providers })
  expect(await resolveTarget(ticket.toUpperCase(), known())).toEqual({
    id: idOf(7),
    size: 100,
    name: 'seven.txt',
    providers
  })
  await expect(resolveTarget(`${ticket.slice(0, -3)}aaa`, known())).rejects.toMatchObject({
    name: 'TicketError'
  })
})

test('an id, known or not', async () => {
  expect(await resolveTarget(idOf(9).toString(), known())).toEqual({ id: idOf(9), providers: [] })
  expect((await resolveTarget(idOf(2).toString(), known([row(2)]))).providers).toEqual(row(2).providers)
})

test('the beginning of an id, among rows, downloads and shared files', async () => {
  const begin = (number: number) => idOf(number).toString().slice(0, 20)
  const all = known([row(1)], [idOf(2)], [idOf(3)])
  for (const number of [1, 2, 3]) expect(await resolveId(begin(number), all)).toEqual(idOf(number))
  await expect(resolveId(begin(4), all)).rejects.toMatchObject({ name: 'NotFoundError' })
})

test('one that several ids begin with, and one that is too short', async () => {
  const near = (last: number) => {
    const root = new Uint8Array(32).fill(5)
    root[31] = last
    return ContentId.fromRoot(root, 100)
  }
  const two = known([], [near(1)], [near(2)])
  const begin = near(1).toString().slice(0, 12)
  await expect(resolveId(begin, two)).rejects.toMatchObject({ name: 'AmbiguousError' })
  expect((await resolveId(near(1).toString().slice(0, -1), known([], [near(1)]))).equals(near(1))).toBe(true)
  await expect(resolveId(begin.slice(0, 11), known([], [near(1)]))).rejects.toThrow(
    'Write at least 12 characters'
  )
  await expect(resolveId('what is this?', two)).rejects.toThrow(
    'is no row of the last search, no ticket and no id'
  )
})

test('a ticket names this node by addresses that others can use', () => {
  const end = `/p2p/${PEER_A}`
  expect(
    ticketAddresses([`/ip4/127.0.0.1/tcp/1${end}`, `/ip4/10.0.0.2/tcp/1${end}`, `/ip6/::1/tcp/1${end}`])
  ).toEqual(['/ip4/10.0.0.2/tcp/1'])
  expect(ticketAddresses([`/ip4/127.0.0.1/tcp/1${end}`])).toEqual(['/ip4/127.0.0.1/tcp/1'])
  const many = Array.from({ length: 9 }, (_, index) => `/ip4/10.0.0.${index}/tcp/1`)
  expect(ticketAddresses(many)).toEqual(many.slice(0, 8))
})

test('a ticket for what is shared, for what is being fetched, and for nothing', async () => {
  const self = { peerId: PEER_B, addresses: ['/ip4/10.0.0.2/tcp/1'] }
  const all = known([row(3)], [idOf(2)], [idOf(3)])
  const init = { self, catalogue: all.catalogue, known: all }
  expect(decodeTicket(await makeTicket(idOf(2), init))).toMatchObject({
    name: 'mine.txt',
    size: 100,
    providers: [self]
  })
  expect(decodeTicket(await makeTicket(idOf(3), init))).toMatchObject({
    name: 'theirs.txt',
    providers: [{ peerId: PEER_A, addresses: ['/ip4/192.0.2.1/tcp/6346'] }]
  })
  await expect(makeTicket(idOf(4), init)).rejects.toMatchObject({ name: 'NotFoundError' })
})
