/**
 * Every setting of a node: its type, default, bounds and meaning, in one JSON Schema.
 *
 * The loader validates by it, the reference that `servent config` prints is written from it, defaults are
 * read from it, and TypeBox derives the TypeScript type from it. It is plain data and not built by TypeBox's
 * functions: those would take a quarter of a node's time to start, for one small object.
 *
 * A setting has one name in three spellings: `maxUploadRate` here, `max-upload-rate` in the file and as a
 * flag, `SERVENT_MAX_UPLOAD_RATE` in the environment. Settings of one part of the node stand in a table of
 * the file (`[gnutella] neighbours`), are set by `--set gnutella.neighbours=2`, and read from
 * `SERVENT_GNUTELLA_NEIGHBOURS`.
 */
import type { XStatic } from 'typebox/schema'
import { OVERLAY_SETTINGS } from './config-overlays.ts'
import {
  CONNECTIONS_MAX,
  choice,
  choices,
  DOWNLOADS_MAX,
  flag,
  integer,
  list,
  PATH_CHARACTERS_MAX,
  RATE_MAX,
  table,
  text
} from './config-parts.ts'
import { CONNECTIONS_DEFAULT } from './connection-needs.ts'
import { WISH_MINUTES_DEFAULT, WISH_MINUTES_MAX, WISH_MINUTES_MIN } from './wish-limits.ts'

export const SettingsSchema = table({
  listen: list('Multiaddrs to accept connections on.', ['/ip4/0.0.0.0/tcp/6346', '/ip6/::/tcp/6346']),
  announce: list(
    'Multiaddrs that others reach this node by, where it cannot see them: a forwarded port.',
    []
  ),
  overlays: list(
    'Overlays to take part in: gnutella, chord, pastry, kelips, kademlia, fasttrack, napster, and napster-server, which is one as a server.',
    ['gnutella', 'chord']
  ),
  bootstrap: list('Multiaddrs, with /p2p, of peers to meet first.', []),
  introducer: list(
    'Introducers to ask for first contacts, as http://HOST:6348 or, with its PeerId, http://HOST:6348/#12D3Koo….',
    []
  ),
  discovery: choices(
    'How peers are found: on the local network, by the bootstrap list, by the Kademlia table.',
    ['mdns', 'bootstrap', 'kad'],
    ['mdns', 'bootstrap']
  ),
  api: text('Host and port of the local API; the host must be a loopback address.', '127.0.0.1:6347'),
  downloadDir: text(
    'Where finished files go. Empty: Downloads/servent in the home folder, or downloads in the data folder when that is given.',
    '',
    PATH_CHARACTERS_MAX
  ),
  maxUploadRate: integer('Bytes a second sent to all others together; 0 is no cap.', 0, RATE_MAX, 0),
  maxUploadRatePerPeer: integer('Bytes a second sent to any one peer; 0 is no cap.', 0, RATE_MAX, 0),
  maxDownloadRate: integer('Bytes a second fetched from all others together; 0 is no cap.', 0, RATE_MAX, 0),
  noSharePartial: flag('Give others nothing of a file while it is being fetched.', false),
  noInbound: flag('Refuse every inbound connection, as a peer behind a firewall.', false),
  relay: choice(
    'Be called over relays where nobody can call this node itself (use), be such a relay for others (serve), or neither (off).',
    ['off', 'use', 'serve'],
    'use'
  ),
  maxRelayRate: integer(
    'Bytes a second that a relay brings for all others together; 0 is no cap.',
    0,
    RATE_MAX,
    0
  ),
  portMapping: text(
    'Ask the router to forward the port, by UPnP: auto finds it, off does not ask, or the address of its description, http://….',
    'auto'
  ),
  maxDownloads: integer('Downloads that run at a time; others wait for their turn.', 1, DOWNLOADS_MAX, 4),
  wishMinutes: integer(
    'Minutes between two searches for a wish, and up to a quarter more.',
    WISH_MINUTES_MIN,
    WISH_MINUTES_MAX,
    WISH_MINUTES_DEFAULT
  ),
  maxConnections: integer(
    'Connections at a time, shared by all overlays. Where nobody sets it, a Napster server and a FastTrack supernode have as many more as their users need.',
    1,
    CONNECTIONS_MAX,
    CONNECTIONS_DEFAULT
  ),
  logLevel: choice(
    'How much is written to the log.',
    ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'],
    'info'
  ),
  ...OVERLAY_SETTINGS,
  library: table({
    exclude: list('Patterns of names to leave out of shared folders, as *.tmp.', []),
    hidden: flag('Share hidden files, too.', false)
  })
})

/** Whole, as the loader gives it: every setting has a default. */
type Whole<T> = T extends readonly (infer Item)[]
  ? Item[]
  : T extends object
    ? { -readonly [Key in keyof T]-?: Whole<T[Key]> }
    : T

export type Settings = Whole<XStatic<typeof SettingsSchema>>
