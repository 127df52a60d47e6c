/**
 * Reads Kelips's own messages (`kelips.proto`). What breaks a bound is refused before it is kept; fields that are not
 * known are passed over.
 */
import {
  PERIOD_MS_MAX,
  readBool,
  readBytes,
  readContact,
  readEmbedded,
  readFields,
  readFixed32,
  readKey,
  readVarint,
  type StoreOutcome
} from '@servent/key-routing/machine'
import { type Contact, MalformedError } from '@servent/overlay/machine'
import type { Reader } from 'protons-runtime'
import {
  ESTIMATE_MAX,
  FOUND_CONTACTS_MAX,
  FOUND_TUPLES_MAX,
  GOSSIP_BEATS_MAX,
  GOSSIP_LIVES_MAX,
  GOSSIP_TUPLES_MAX,
  LEVEL_MAX,
  OFFER_TUPLES_MAX,
  REFRESH_MS_MAX,
  STATE_LIVES_MAX,
  STATE_TUPLES_MAX,
  STEPS_MAX,
  TTL_MAX,
  TUPLES_MAX,
  TUPLES_PER_KEY_MAX,
  VIEW_MAX,
  WELCOME_LIVES_MAX
} from './constants.ts'
import type { Beat, GroupMessage, Part, PeerLife, PeerTuple, Want } from './messages.ts'
import { readBeat, readLife, readTuple } from './wire-entries.ts'
import { OUTCOMES, PARTS, WANTS } from './wire-group.ts'

const ROW_MAX = Math.max(TUPLES_MAX, VIEW_MAX)

/** What any of the messages may hold: each takes what is its own. */
class Fields {
  id = 0
  level = 0
  estimate = 0
  heartbeatMs = 0
  from = 0
  next = 0
  after = 0
  ttl = 0
  hops = 0
  timeouts = 0
  total = 0
  known = 0
  refreshS = 0
  covers = false
  part: Part | undefined
  want: Want | undefined
  key: Uint8Array | undefined
  life: PeerLife | undefined
  outcomes: StoreOutcome[] = []
  readonly lives: PeerLife[] = []
  readonly beats: Beat[] = []
  readonly tuples: PeerTuple[] = []
  readonly nearest: Contact[] = []
}

type Take = (fields: Fields, reader: Reader, wire: number) => void

const ID: Take = (to, reader, wire) => {
  to.id = readFixed32(reader, wire, 'id')
}
const number =
  (
    name:
      | 'level'
      | 'estimate'
      | 'heartbeatMs'
      | 'from'
      | 'next'
      | 'after'
      | 'ttl'
      | 'hops'
      | 'timeouts'
      | 'total'
      | 'known'
      | 'refreshS',
    most: number
  ): Take =>
  (to, reader, wire) => {
    to[name] = readVarint(reader, wire, most, name)
  }
const LEVEL = number('level', LEVEL_MAX)
const LIFE: Take = (to, reader, wire) => {
  to.life = readLife(reader, wire)
}
/** One past the bound is not read. */
const list =
  <E>(
    entries: (fields: Fields) => E[],
    most: number,
    what: string,
    read: (reader: Reader, wire: number) => E
  ): Take =>
  (to, reader, wire) => {
    const all = entries(to)
    if (all.length === most) throw new MalformedError(`There are at most ${most} ${what} in one message.`)
    all.push(read(reader, wire))
  }
const lives = (most: number): Take => list(to => to.lives, most, 'lives', readLife)
const tuples = (most: number): Take => list(to => to.tuples, most, 'tuples', readTuple)

/** By message, the fields in the order of their numbers, from 1. */
const FIELDS: Readonly<Record<GroupMessage['type'], readonly Take[]>> = {
  gossip: [
    LEVEL,
    number('estimate', ESTIMATE_MAX),
    lives(GOSSIP_LIVES_MAX),
    list(to => to.beats, GOSSIP_BEATS_MAX, 'heartbeats', readBeat),
    tuples(GOSSIP_TUPLES_MAX)
  ],
  join: [ID, LEVEL, number('heartbeatMs', PERIOD_MS_MAX), LIFE],
  welcome: [
    ID,
    LEVEL,
    number('estimate', ESTIMATE_MAX),
    number('heartbeatMs', PERIOD_MS_MAX),
    lives(WELCOME_LIVES_MAX)
  ],
  'state-request': [
    ID,
    (to, reader, wire) => {
      to.part = PARTS[readVarint(reader, wire, PARTS.length, 'part') - 1]
    },
    number('from', ROW_MAX),
    LEVEL
  ],
  state: [ID, lives(STATE_LIVES_MAX), tuples(STATE_TUPLES_MAX), number('next', ROW_MAX)],
  find: [
    ID,
    (to, reader, wire) => {
      to.key = readKey(reader, wire, 'key')
    },
    (to, reader, wire) => {
      to.want = WANTS[readVarint(reader, wire, WANTS.length, 'want') - 1]
    },
    number('after', TUPLES_PER_KEY_MAX),
    number('ttl', TTL_MAX)
  ],
  providers: [
    ID,
    (to, reader, wire) => {
      to.covers = readBool(reader, wire, 'cover')
    },
    number('hops', STEPS_MAX),
    number('timeouts', STEPS_MAX),
    number('total', TUPLES_PER_KEY_MAX),
    tuples(FOUND_TUPLES_MAX),
    list(
      to => to.nearest,
      FOUND_CONTACTS_MAX,
      'contacts',
      (reader, wire) => readEmbedded(reader, wire, 'contact', readContact)
    )
  ],
  offer: [ID, LIFE, tuples(OFFER_TUPLES_MAX)],
  offered: [
    ID,
    (to, reader, wire) => {
      to.outcomes = Array.from(readBytes(reader, wire, OFFER_TUPLES_MAX, 'list of outcomes'), outcomeOf)
    },
    number('known', TUPLES_MAX),
    number('refreshS', REFRESH_MS_MAX / 1000)
  ]
}

function outcomeOf(code: number): StoreOutcome {
  const outcome = OUTCOMES[code - 1]
  if (outcome === undefined) throw new MalformedError(`No outcome has the number ${code}.`)
  return outcome
}

/** @throws MalformedError  a bound is broken, or something is missing without which it means nothing */
export function readGroup(type: GroupMessage['type'], reader: Reader, end: number): GroupMessage {
  const fields = new Fields()
  const takes = FIELDS[type]
  readFields(reader, end, (field, wire) => {
    const take = takes[field - 1]
    take?.(fields, reader, wire)
    return take !== undefined
  })
  return messageOf(type, fields)
}

function messageOf(type: GroupMessage['type'], fields: Fields): GroupMessage {
  const { id, level, estimate, heartbeatMs, lives, beats, tuples } = fields
  switch (type) {
    case 'gossip':
      return { type, level, estimate, lives, beats, tuples }
    case 'join':
      return { type, id, level, heartbeatMs, life: there(fields.life, 'life') }
    case 'welcome':
      return { type, id, level, estimate, heartbeatMs, lives }
    case 'state-request':
      return { type, id, part: there(fields.part, 'part'), from: fields.from, level }
    case 'state':
      return { type, id, lives, tuples, next: fields.next }
    case 'find': {
      const { after, ttl } = fields
      return { type, id, key: there(fields.key, 'key'), want: there(fields.want, 'want'), after, ttl }
    }
    case 'providers': {
      const { covers, hops, timeouts, total, nearest } = fields
      return { type, id, covers, hops, timeouts, total, tuples, nearest }
    }
    case 'offer':
      return { type, id, life: there(fields.life, 'life'), tuples }
    case 'offered': {
      const { outcomes, known, refreshS } = fields
      return { type, id, outcomes, known, refreshS }
    }
  }
}

function there<V>(value: V | undefined, what: string): V {
  if (value === undefined) throw new MalformedError(`The message has no ${what}.`)
  return value
}
