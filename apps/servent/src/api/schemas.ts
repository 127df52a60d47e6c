/**
 * Shapes of requests and answers. Requests are checked against them; answers are described by them in
 * `/openapi.json`, and a test holds real answers against the description.
 */
import { Type } from 'typebox'
import { PAGE_FILES_MAX } from '../page.ts'

/** Paths of the longest kind that Linux takes, with room for escapes. */
const PATH_CHARACTERS_MAX = 8192
const TICKET_CHARACTERS_MAX = 8192
const NAME_CHARACTERS_MAX = 32
/** More than there are. */
const OVERLAYS_MAX = 16
const PAGE_FILES_DEFAULT = 100
/** Of a key that a value is kept under. */
const KEY_CHARACTERS_MAX = 1024
/** A value in its text form: the request that brings it has its own bound. */
const VALUE_CHARACTERS_MAX = 65_536

export const Bytes = (description: string) =>
  Type.Integer({ minimum: 0, description: `${description}, in bytes` })
export const Count = (description: string) => Type.Integer({ minimum: 0, description })
export const Id = Type.String({ description: 'A content id: a CIDv1 in base32' })
export const Tags = Type.Record(Type.String(), Type.String(), {
  description: 'What the file says of itself: artist, title, album, year, genre, seconds, bitrate, …'
})
const open = { additionalProperties: true } as const
const closed = { additionalProperties: false } as const

// Requests.
export const ShareBody = Type.Object(
  {
    path: Type.String({
      minLength: 1,
      maxLength: PATH_CHARACTERS_MAX,
      description: 'An absolute path of a file or folder'
    })
  },
  closed
)
export const PageQuery = Type.Object(
  {
    after: Type.Optional(Type.Integer({ minimum: 0, description: 'The `next` of the page before' })),
    limit: Type.Integer({ minimum: 1, maximum: PAGE_FILES_MAX, default: PAGE_FILES_DEFAULT })
  },
  closed
)
export const IdParams = Type.Object(
  { id: Type.String({ minLength: 1, maxLength: 128, description: 'A content id, or the beginning of one' }) },
  closed
)
export const NameParams = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: NAME_CHARACTERS_MAX }) },
  closed
)
export const OverlayNames = Type.Array(Type.String({ maxLength: NAME_CHARACTERS_MAX }), {
  minItems: 1,
  maxItems: OVERLAYS_MAX
})
export const GetBody = Type.Object(
  {
    what: Type.String({
      minLength: 1,
      maxLength: TICKET_CHARACTERS_MAX,
      description:
        'An id, the beginning of one, a row of the last search, a row of a wish as 2.5, or a ticket of a file or folder'
    }),
    output: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: PATH_CHARACTERS_MAX,
        description: 'An absolute path: a folder that exists, or the file to make'
      })
    ),
    priority: Type.Optional(
      Type.Union([Type.Literal('high'), Type.Literal('normal'), Type.Literal('low')], {
        description: 'Who runs where not all may'
      })
    )
  },
  closed
)
const Key = Type.String({ minLength: 1, maxLength: KEY_CHARACTERS_MAX, description: 'Any text' })
const Encoding = Type.Union([Type.Literal('utf8'), Type.Literal('base64')], {
  description: 'How the bytes of a value stand in JSON: base64 where they are no text'
})
export const PutBody = Type.Object(
  {
    key: Key,
    value: Type.String({ maxLength: VALUE_CHARACTERS_MAX }),
    encoding: Type.Optional(Encoding),
    overlays: Type.Optional(OverlayNames)
  },
  closed
)
export const ValueQuery = Type.Object(
  {
    key: Key,
    overlay: Type.Optional(
      Type.Union([Type.String({ maxLength: NAME_CHARACTERS_MAX }), OverlayNames], {
        description: 'May be given several times'
      })
    )
  },
  closed
)

// Answers.
export const ProblemAnswer = Type.Object({
  error: Type.Object({
    code: Type.String({
      description:
        'failed, usage, not-found, timed-out, partial, no-daemon, not-allowed, no-token, verification-failed, too-large'
    }),
    message: Type.String(),
    why: Type.Optional(Type.String()),
    try: Type.Optional(Type.String())
  })
})
export const HealthAnswer = Type.Object({ status: Type.Literal('ok') }, closed)
const LibraryProgress = Type.Object(
  {
    phase: Type.String({ description: 'scanning, hashing, failed' }),
    files: Count('Files hashed'),
    filesTotal: Count('Files found'),
    bytes: Bytes('Hashed'),
    bytesTotal: Bytes('Of files found'),
    leftMs: Type.Optional(
      Type.Number({ description: 'Milliseconds until all is hashed, where that is known' })
    )
  },
  open
)
export const StatusAnswer = Type.Object(
  {
    peerId: Type.String(),
    version: Type.String(),
    uptimeMs: Type.Number(),
    addresses: Type.Array(Type.String()),
    reachability: Type.Object({ kind: Type.String(), why: Type.String() }, open),
    relay: Type.Object(
      {
        mode: Type.String({ description: 'off, use, serve' }),
        relays: Type.Array(Type.String(), { description: 'PeerIds over which this node can be called' }),
        serving: Type.Optional(
          Type.Object(
            {
              reservations: Count('Peers that can be called over this node'),
              circuits: Count('Connections through it'),
              relayedBytes: Bytes('Brought since it started')
            },
            open
          )
        )
      },
      open
    ),
    introducers: Type.Optional(
      Type.Array(
        Type.Object(
          {
            url: Type.String(),
            peers: Type.Optional(Count('Peers that it named the last time it answered')),
            why: Type.Optional(Type.String({ description: 'Why it was not believed, or did not answer' })),
            listed: Type.Array(Type.String(), { description: 'Addresses that it sends others to' }),
            unlisted: Type.Optional(Type.String({ description: 'Why it does not list this node' }))
          },
          open
        )
      )
    ),
    connections: Count('Peers connected'),
    overlays: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          state: Type.String(),
          reason: Type.Optional(Type.String()),
          neighbours: Count('Neighbours'),
          announced: Type.Optional(
            Type.Object({
              files: Count('Announced'),
              of: Count('Shared'),
              refused: Type.Optional(Count('Refused by who keeps the index')),
              why: Type.Optional(Type.String({ description: 'Why they were refused' })),
              partly: Type.Optional(Count('Of those announced: found by some of their words alone')),
              filesPerS: Type.Optional(
                Type.Number({ description: 'Announced or refused of late, while files are left' })
              ),
              leftMs: Type.Optional(Type.Integer({ description: 'How long it takes yet at that pace' })),
              limit: Type.Optional(
                Type.Object(
                  {
                    name: Type.String({ description: 'publishRate, providesPerSecond, answers or nobody' }),
                    perS: Type.Optional(
                      Type.Number({ description: 'Bytes a second of publishRate, keys a second of Kademlia' })
                    )
                  },
                  { ...open, description: 'What holds it back, while files are left' }
                )
              )
            })
          )
        },
        open
      )
    ),
    hotlist: Type.Optional(
      Type.Array(Type.Object({ nick: Type.String(), state: Type.String() }, open), {
        description: 'As GET /v1/hotlist; absent where it is empty'
      })
    ),
    library: Type.Object(
      {
        files: Count('Files shared'),
        bytes: Bytes('All of them'),
        hashing: Count('Files that wait to be hashed'),
        away: Count('Shared folders and files that are not there now'),
        problems: Count('Files and folders that are left out although they were asked for'),
        progress: Type.Optional(LibraryProgress)
      },
      open
    ),
    downloads: Type.Object(
      { active: Count('Running'), done: Count('Finished'), failed: Count('Failed'), paused: Count('Paused') },
      open
    ),
    uploads: Type.Object({ active: Count('Running'), queued: Count('Waiting') }, open),
    participation: Type.Optional(
      Type.Object(
        {
          level: Type.Integer({ description: '0 to 1000, of this node by its receipts' }),
          band: Type.String({ description: 'What the level is called: Low to Supreme Being' })
        },
        open
      )
    )
  },
  open
)
export const LibraryAnswer = Type.Object(
  {
    roots: Type.Array(
      Type.Object(
        {
          path: Type.String(),
          files: Count('Files'),
          bytes: Bytes('All of them'),
          present: Type.Boolean(),
          reason: Type.Optional(Type.String({ description: 'Why it is not there now' }))
        },
        open
      )
    ),
    problems: Type.Array(Type.Object({ path: Type.String(), reason: Type.String() }, open)),
    progress: Type.Optional(LibraryProgress),
    files: Type.Array(
      Type.Object(
        {
          index: Type.Integer(),
          id: Id,
          name: Type.String(),
          path: Type.String(),
          size: Bytes('Size'),
          type: Type.String(),
          tags: Tags
        },
        open
      )
    ),
    totals: Type.Object({ files: Count('Files'), bytes: Bytes('All of them') }, open),
    next: Type.Optional(Type.Integer({ description: '`after` of the next page; absent on the last' }))
  },
  open
)
export const UnshareAnswer = Type.Object({ files: Count('Files no longer shared') }, open)
export const TicketAnswer = Type.Object(
  {
    id: Id,
    ticket: Type.String(),
    leftOut: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Files of the folder for which the ticket does not stand' })
    )
  },
  closed
)
export const PutAnswer = Type.Object(
  {
    key: Type.String(),
    bytes: Bytes('The value'),
    overlays: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          copies: Count('Peers that keep the value'),
          reason: Type.Optional(Type.String({ description: 'Why none does' }))
        },
        open
      )
    )
  },
  open
)
export const ValueAnswer = Type.Object(
  {
    key: Type.String(),
    value: Type.String(),
    encoding: Encoding,
    bytes: Bytes('The value'),
    overlay: Type.String(),
    writer: Type.String({ description: 'PeerId of the peer that put it' }),
    sequence: Type.Number({ description: 'The larger one is the newer' }),
    expiresMs: Type.Number({ description: 'Milliseconds since 1970' }),
    holders: Count('Peers that had it, of those that were asked')
  },
  open
)
export const RowsAnswer = Type.Object({
  rows: Type.Array(
    Type.Object(
      {
        row: Type.Integer({ minimum: 1 }),
        id: Id,
        name: Type.String(),
        size: Bytes('Size'),
        type: Type.String(),
        tags: Type.Optional(Tags),
        providers: Type.Array(Type.Object({ peerId: Type.String() }, open)),
        overlays: Type.Array(Type.String())
      },
      open
    )
  )
})
export const PeersAnswer = Type.Object({
  peers: Type.Array(
    Type.Object(
      {
        peerId: Type.String(),
        addresses: Type.Array(Type.String()),
        direction: Type.String(),
        relayed: Type.Boolean(),
        connectedMs: Type.Number(),
        protocols: Type.Array(Type.String()),
        agent: Type.Optional(Type.String())
      },
      open
    )
  )
})
export const OverlayAnswer = Type.Object(
  {
    name: Type.String(),
    state: Type.String(),
    neighbours: Type.Array(Type.Object({ peerId: Type.String() }, open)),
    counters: Type.Record(Type.String(), Type.Number())
  },
  open
)
export const OverlaysAnswer = Type.Object({ overlays: Type.Array(OverlayAnswer) })
export const DoctorAnswer = Type.Object({
  checks: Type.Array(
    Type.Object(
      { name: Type.String(), ok: Type.Boolean(), message: Type.String(), try: Type.Optional(Type.String()) },
      open
    )
  )
})
export const DaemonAnswer = Type.Object(
  {
    pid: Type.Integer(),
    version: Type.String(),
    peerId: Type.String(),
    addresses: Type.Array(Type.String()),
    overlays: Type.Array(Type.String())
  },
  open
)
export const EventsAnswer = Type.String({
  description: 'JSON objects, one a line; the last has `event` `done` or `error`'
})
