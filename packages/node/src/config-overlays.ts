/** Settings of each overlay, a table of the configuration each. */
import { choice, integer, LINK_SPEED_MAX, list, RATE_MAX, table, text } from './config-parts.ts'

/** Gnutella's usual horizon, and the most that any servent should ask for: protocol 0.6, section 2.2. */
const TTL_MAX = 7
/** Places for neighbours: as many as the overlay allows. */
const NEIGHBOURS_MAX = 64
/** As Napster and FastTrack have them; a test compares. */
const NICK_CHARACTERS_MAX = 19
const NAPSTER_USERS_MAX = 20_000
const NAPSTER_USERS_DEFAULT = 1_000
const NAPSTER_USERS_PER_ADDRESS_DEFAULT = 16
const ORDINARIES_PER_SUPERNODE = 100
const ORDINARIES_PER_SUPERNODE_MIN = 2
const ORDINARIES_PER_SUPERNODE_MAX = 1_000
const ROUNDS_MAX = 8
const ROUNDS_DEFAULT = 3
/** As many as Chord allows, and its own defaults: its code is not loaded for these numbers. A test compares. */
const SUCCESSORS_MAX = 32
const SUCCESSORS_DEFAULT = 8
const VIRTUAL_NODES_MAX = 32
const REPLICAS_MAX = 17
const REPLICAS_DEFAULT = 4
const PERIOD_MS_MIN = 100
const PERIOD_MS_MAX = 24 * 60 * 60 * 1000
const STABILISE_MS = 30_000
const FIX_FINGERS_MS = 60_000
const CHECK_PREDECESSOR_MS = 60_000
const MERGE_MS = 120_000
const PUBLISH_RATE_DEFAULT = 32 * 1024
/** The same of Pastry, whose replicas, periods and rate are bounded as Chord's. */
const LEAF_SET_MIN = 2
const LEAF_SET_MAX = 32
const LEAF_SET_DEFAULT = 16
const DIGIT_BITS_DEFAULT = 4
const NEIGHBOURHOOD_MAX = 32
const HEARTBEAT_MS = 30_000
const LEAF_EXCHANGE_MS = 60_000
const ROW_MS = 1_200_000
const NEIGHBOURHOOD_MS = 300_000
/** As Kelips has them. */
const KELIPS_GROUPS_MAX = 4096
const KELIPS_CONTACTS_MAX = 8
const KELIPS_CONTACTS_DEFAULT = 2
const KELIPS_TARGETS_MAX = 16
const KELIPS_TARGETS_DEFAULT = 3
const KELIPS_CONTACT_TARGETS_DEFAULT = 1
const KELIPS_REPLICAS_MAX = 16
const KELIPS_GOSSIP_MS = 2_000
const KELIPS_HEARTBEAT_MS = 4_000
const KELIPS_MERGE_MS = 60_000
const KELIPS_GOSSIP_RATE_MIN = 256
const KELIPS_GOSSIP_RATE_MAX = 2 ** 24
const KELIPS_GOSSIP_RATE_DEFAULT = 4096
/** As libp2p's Kademlia has them, and as many as make sense: a test compares. */
const KADEMLIA_K = 20
const KADEMLIA_K_MAX = 256
const KADEMLIA_ALPHA = 10
const KADEMLIA_ALPHA_MAX = 64
export const OVERLAY_SETTINGS = {
  napster: table({
    servers: list('Multiaddrs, with /p2p, of servers to log in at; a server links with them.', []),
    nick: text('Name at a server; made of the PeerId where it is empty.', '', NICK_CHARACTERS_MAX),
    linkSpeed: integer(
      'What others are told of this link, from 0 (not known) to 10 (T3 or more), as Napster had it.',
      0,
      LINK_SPEED_MAX,
      0
    ),
    motd: text('Of a server: its message of the day.', ''),
    index: choice(
      'Of a server: where it keeps what its users share: in memory, in a file, or in PostgreSQL, which several servers may share.',
      ['memory', 'sqlite', 'postgres'],
      'memory'
    ),
    database: text(
      'Of a server with index postgres: where it is, as postgres://user@host/name. Empty: as PGHOST, PGUSER, PGPASSWORD and so on say.',
      ''
    ),
    users: integer('Of a server: users logged in at a time.', 1, NAPSTER_USERS_MAX, NAPSTER_USERS_DEFAULT),
    usersPerAddress: integer(
      'Of a server: those of them from one address of the Internet; from a /24, and over a relay, eight times as many.',
      1,
      NAPSTER_USERS_MAX,
      NAPSTER_USERS_PER_ADDRESS_DEFAULT
    )
  }),
  fasttrack: table({
    role: choice(
      'What this peer is: by merit and need (auto), or always the one or the other.',
      ['auto', 'ordinary', 'supernode'],
      'auto'
    ),
    ordinariesPerSupernode: integer(
      'Ordinary peers to one supernode that the network aims at. All peers of a network should have the same.',
      ORDINARIES_PER_SUPERNODE_MIN,
      ORDINARIES_PER_SUPERNODE_MAX,
      ORDINARIES_PER_SUPERNODE
    ),
    rounds: integer(
      'Supernodes that a search goes through, one after another, while it has found fewer than 50 files and has time left. Each but the first takes this node there with all its records; 1 stays.',
      1,
      ROUNDS_MAX,
      ROUNDS_DEFAULT
    ),
    receipts: choice(
      'Exchange signed receipts of what was given, so that who gave to others goes first here and this node there (on), or go by what this node got itself (off).',
      ['on', 'off'],
      'on'
    )
  }),
  gnutella: table({
    role: choice(
      'Whether this peer takes part in a network of equals (flat), or in two tiers: by merit and need (auto), always a leaf, or always an ultrapeer.',
      ['flat', 'auto', 'leaf', 'ultrapeer'],
      'auto'
    ),
    neighbours: integer(
      'Places for neighbours: of equals, or of an ultrapeer for others. 0 is the usual number, 6 and 32. A leaf keeps three.',
      0,
      NEIGHBOURS_MAX,
      0
    ),
    ttl: integer(
      'How many steps a query of this node goes, in two tiers between ultrapeers.',
      1,
      TTL_MAX,
      TTL_MAX
    )
  }),
  chord: table({
    successors: integer(
      'Successors that a peer knows. All peers of a network must have the same.',
      1,
      SUCCESSORS_MAX,
      SUCCESSORS_DEFAULT
    ),
    replicas: integer('Peers that hold each record.', 1, REPLICAS_MAX, REPLICAS_DEFAULT),
    virtualNodes: integer(
      'Places of this node on the ring: more take more of the load.',
      1,
      VIRTUAL_NODES_MAX,
      1
    ),
    proximity: choice('Choose fingers that answer soon.', ['on', 'off'], 'on'),
    lookups: choice(
      'Who forwards a lookup: each hop does and the last answers this node, or along the path, or this node asks each.',
      ['semi-recursive', 'recursive', 'iterative'],
      'semi-recursive'
    ),
    stabiliseMs: integer('Between two looks at the successor.', PERIOD_MS_MIN, PERIOD_MS_MAX, STABILISE_MS),
    fixFingersMs: integer('Between two refreshed fingers.', PERIOD_MS_MIN, PERIOD_MS_MAX, FIX_FINGERS_MS),
    checkPredecessorMs: integer(
      'Silence of the predecessor after which it is asked whether it lives.',
      PERIOD_MS_MIN,
      PERIOD_MS_MAX,
      CHECK_PREDECESSOR_MS
    ),
    mergeMs: integer(
      'Between two looks for another ring to merge with.',
      PERIOD_MS_MIN,
      PERIOD_MS_MAX,
      MERGE_MS
    ),
    publishRate: integer('Bytes a second for announcing what is shared.', 1, RATE_MAX, PUBLISH_RATE_DEFAULT)
  }),
  pastry: table({
    leafSet: {
      ...integer(
        'Leaves of a peer, on both sides together. All peers of a network must have the same.',
        LEAF_SET_MIN,
        LEAF_SET_MAX,
        LEAF_SET_DEFAULT
      ),
      multipleOf: 2
    },
    digitBits: {
      ...choice(
        'Bits of a digit of ids. All peers of a network must have the same.',
        [1, 2, 4],
        DIGIT_BITS_DEFAULT
      ),
      type: 'integer'
    },
    neighbourhood: integer(
      'Peers that are kept because they are near, for newcomers that are near too.',
      0,
      NEIGHBOURHOOD_MAX,
      NEIGHBOURHOOD_MAX
    ),
    replicas: integer('Peers that hold each record.', 1, REPLICAS_MAX, REPLICAS_DEFAULT),
    proximity: choice('Choose entries of the routing table that answer soon.', ['on', 'off'], 'on'),
    lookups: choice(
      'Who forwards a lookup: each hop does and the last answers this node, or along the path, or this node asks each.',
      ['semi-recursive', 'recursive', 'iterative'],
      'semi-recursive'
    ),
    heartbeatMs: integer(
      'Between two heartbeats to the left neighbour.',
      PERIOD_MS_MIN,
      PERIOD_MS_MAX,
      HEARTBEAT_MS
    ),
    leafExchangeMs: integer(
      'Between two exchanges of leaf sets, with one leaf after the other.',
      PERIOD_MS_MIN,
      PERIOD_MS_MAX,
      LEAF_EXCHANGE_MS
    ),
    tableProbeMs: integer(
      'Silence of an entry after which it is asked whether it lives; 0 is as often as peers are seen to fail.',
      0,
      PERIOD_MS_MAX,
      0
    ),
    rowMs: integer('Between two looks for nearer entries.', PERIOD_MS_MIN, PERIOD_MS_MAX, ROW_MS),
    neighbourhoodMs: integer(
      'Between two visits to a peer that is near.',
      PERIOD_MS_MIN,
      PERIOD_MS_MAX,
      NEIGHBOURHOOD_MS
    ),
    mergeMs: integer(
      'Between two looks for another ring to merge with.',
      PERIOD_MS_MIN,
      PERIOD_MS_MAX,
      MERGE_MS
    ),
    publishRate: integer('Bytes a second for announcing what is shared.', 1, RATE_MAX, PUBLISH_RATE_DEFAULT)
  }),
  kelips: table({
    groups: integer(
      'Affinity groups, a power of two. 0: they follow the number of peers. All peers of a network must have the same.',
      0,
      KELIPS_GROUPS_MAX,
      0
    ),
    contacts: integer(
      'Contacts that a peer knows in each other group.',
      1,
      KELIPS_CONTACTS_MAX,
      KELIPS_CONTACTS_DEFAULT
    ),
    replicas: integer('Peers that hold each value.', 1, KELIPS_REPLICAS_MAX, REPLICAS_DEFAULT),
    proximity: choice(
      'Choose contacts, and whom to tell news, by how soon they answer.',
      ['on', 'off'],
      'on'
    ),
    gossipMs: integer('Between two rounds of gossip.', PERIOD_MS_MIN, PERIOD_MS_MAX, KELIPS_GOSSIP_MS),
    heartbeatMs: integer(
      'Between two heartbeats. All peers of a network must have the same.',
      PERIOD_MS_MIN,
      PERIOD_MS_MAX,
      KELIPS_HEARTBEAT_MS
    ),
    targets: integer(
      'Peers of the own group that a round tells.',
      1,
      KELIPS_TARGETS_MAX,
      KELIPS_TARGETS_DEFAULT
    ),
    contactTargets: integer(
      'Peers of other groups that a round tells.',
      0,
      KELIPS_TARGETS_MAX,
      KELIPS_CONTACT_TARGETS_DEFAULT
    ),
    mergeMs: integer(
      'Between two looks for another network to merge with.',
      PERIOD_MS_MIN,
      PERIOD_MS_MAX,
      KELIPS_MERGE_MS
    ),
    gossipRate: integer(
      'Bytes a second that gossip may send.',
      KELIPS_GOSSIP_RATE_MIN,
      KELIPS_GOSSIP_RATE_MAX,
      KELIPS_GOSSIP_RATE_DEFAULT
    ),
    publishRate: integer('Bytes a second for announcing what is shared.', 1, RATE_MAX, PUBLISH_RATE_DEFAULT)
  }),
  kademlia: table({
    k: integer('Peers in a bucket of the table, and holders of a record.', 1, KADEMLIA_K_MAX, KADEMLIA_K),
    alpha: integer('Requests of one lookup under way at a time.', 1, KADEMLIA_ALPHA_MAX, KADEMLIA_ALPHA),
    disjointPaths: integer('Paths of a lookup that share no peer.', 1, KADEMLIA_ALPHA_MAX, KADEMLIA_ALPHA)
  })
} as const
