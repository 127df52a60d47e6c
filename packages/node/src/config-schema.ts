/**
 * Every setting of a node: its type, default, bounds and meaning, in one TypeBox schema.
 *
 * The loader validates by it, the reference that `servent config` prints is written from it, and defaults
 * are read from it. A setting has one name in three spellings: `maxUploadRate` here, `max-upload-rate` in
 * the file and as a flag, `SERVENT_MAX_UPLOAD_RATE` in the environment. Settings of one part of the node
 * stand in a table of the file (`[gnutella] neighbours`), are set by `--set gnutella.neighbours=2`, and
 * read from `SERVENT_GNUTELLA_NEIGHBOURS`.
 */
import { type Static, Type } from 'typebox'

/** Gnutella's usual horizon, and the most that any servent should ask for: protocol 0.4, section 2.2. */
const TTL_MAX = 7
const NEIGHBOURS_MAX = 64
/** A list in the configuration is written by a person; a thousand entries are a mistake. */
const LIST_ITEMS_MAX = 64
const ITEM_CHARACTERS_MAX = 512
/** 1 TiB/s stands for "any rate there is". */
const RATE_MAX = 2 ** 40
const CONNECTIONS_MAX = 10_000

const list = (description: string, initial: string[]) =>
  Type.Array(Type.String({ minLength: 1, maxLength: ITEM_CHARACTERS_MAX }), {
    maxItems: LIST_ITEMS_MAX,
    default: initial,
    description
  })

const choice = <const T extends string[]>(values: [...T], initial: T[number], description: string) =>
  Type.Enum(values, { default: initial, description })

export const SettingsSchema = Type.Object(
  {
    listen: list('Multiaddrs to accept connections on.', ['/ip4/0.0.0.0/tcp/6346', '/ip6/::/tcp/6346']),
    announce: list(
      'Multiaddrs that others reach this node by, where it cannot see them itself (a forwarded port).',
      []
    ),
    overlays: list('Overlays to take part in.', ['gnutella']),
    bootstrap: list('Multiaddrs, with /p2p, of peers to meet first.', []),
    introducer: list('Addresses of introducers, http:// or https://, to ask for first contacts.', []),
    discovery: Type.Array(Type.Enum(['mdns', 'bootstrap', 'kad']), {
      maxItems: 3,
      default: ['mdns', 'bootstrap'],
      description: 'How peers are found: on the local network, by the bootstrap list, by the Kademlia table.'
    }),
    api: Type.String({
      default: '127.0.0.1:6347',
      maxLength: ITEM_CHARACTERS_MAX,
      description: 'Host and port of the local API; the host must be a loopback address.'
    }),
    downloadDir: Type.String({
      default: '',
      maxLength: 4096,
      description:
        'Where finished files go. Empty: Downloads/servent in the home folder, or downloads in the data folder when that is given.'
    }),
    maxUploadRate: Type.Integer({
      minimum: 0,
      maximum: RATE_MAX,
      default: 0,
      description: 'Bytes a second sent to all others together; 0 is no cap.'
    }),
    maxDownloadRate: Type.Integer({
      minimum: 0,
      maximum: RATE_MAX,
      default: 0,
      description: 'Bytes a second fetched from all others together; 0 is no cap.'
    }),
    noInbound: Type.Boolean({
      default: false,
      description: 'Refuse every inbound connection, as a peer behind a firewall.'
    }),
    relay: choice(['off', 'use', 'serve'], 'use', 'Be reached through relays, and serve as one.'),
    maxConnections: Type.Integer({
      minimum: 1,
      maximum: CONNECTIONS_MAX,
      default: 200,
      description: 'Connections at a time, shared by all overlays.'
    }),
    logLevel: choice(
      ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'],
      'info',
      'How much is written to the log.'
    ),
    gnutella: Type.Object(
      {
        neighbours: Type.Integer({
          minimum: 1,
          maximum: NEIGHBOURS_MAX,
          default: 6,
          description: 'Neighbours wanted.'
        }),
        ttl: Type.Integer({
          minimum: 1,
          maximum: TTL_MAX,
          default: TTL_MAX,
          description: 'How many steps a query of this node goes.'
        })
      },
      { additionalProperties: false }
    ),
    library: Type.Object(
      {
        exclude: list('Patterns of names to leave out of shared folders, as *.tmp.', []),
        hidden: Type.Boolean({ default: false, description: 'Share hidden files, too.' })
      },
      { additionalProperties: false }
    )
  },
  { additionalProperties: false }
)

export type Settings = Static<typeof SettingsSchema>
