/**
 * The steps of a lookup in words, each from events that happened: first those of the way there and back, numbered as in
 * the picture, then what else was sent. What the theory says stands under the picture, and not here.
 */
import type { PathEvent } from '@servent/lab'
import { capital, count, inWords, listed, NBSP, percent, shown } from '../numbers.ts'
import { reachedIn } from './flood.ts'
import { digitsOf, shared, sharedBits, turnBetween } from './keys.ts'
import { type PathView, wayBack, wayThere } from './marks.ts'
import { digitBitsOf } from './prefixes.ts'
import { queriesOf } from './xor-tree.ts'

/** Sentences beside the way itself. */
export const STEPS_SHOWN = 12

/** A question to the own index takes a millisecond. */
const AT_ONCE_US = 1_500

interface Words {
  /** What is to be said of who asks. */
  readonly origin?: string
  /** Of a step, the words between its sender and its receiver, and those behind. */
  readonly verb: (event: PathEvent, at: number) => string
  readonly why: (event: PathEvent, at: number) => string
  /** What whoever answers does. */
  readonly answers: string
  /** Whether `why` says when a step begins. */
  readonly saysWhen?: boolean
  readonly more?: () => string[]
}

export function stepsOf(view: PathView): string[] {
  const { path } = view
  const { origin, verb, why, answers, saysWhen = false, more = () => [] } = WORDS[view.overlay](view)
  const name = namer(view)
  const way = wayThere(path)
  const there = way.map((event, at) => {
    const beforeUs = at === 0 ? 0 : (way[at - 1]!.arrived_us ?? 0)
    const from = at === 0 && origin !== undefined ? `${name(event.from)}, ${origin},` : name(event.from)
    return `${capital(from)} ${verb(event, at)} ${name(event.to)}${why(event, at)}. ${later(event, saysWhen ? event.at_us : beforeUs)}`
  })
  const back = wayBack(path)
  const returned = back.map((event, at) => {
    const what = at === 0 ? answers : 'passes the answer on'
    const end = at === back.length - 1 ? ` That is ${ms(event.arrived_us ?? 0)} after the question.` : ''
    const beforeUs = (at === 0 ? way.at(-1)?.arrived_us : back[at - 1]!.arrived_us) ?? 0
    return `${capital(name(event.from))} ${what} to ${name(event.to)}. ${later(event, beforeUs)}${end}`
  })
  const beside = [...more(), ...silentSteps(view)]
  const rest = beside.length - STEPS_SHOWN
  const told =
    rest > 0
      ? [
          ...beside.slice(0, STEPS_SHOWN),
          `${capital(plural(rest, 'more event'))} of this kind: see the table.`
        ]
      : beside
  return [...there, ...returned, ...told, totalOf(path)]
}

const WORDS: Readonly<Record<PathView['overlay'], (view: PathView) => Words>> = {
  napster: indexWords,
  gnutella: floodWords,
  fasttrack: indexWords,
  chord: chordWords,
  pastry: pastryWords,
  kelips: kelipsWords,
  kademlia: askedWords
}

const ms = (us: number): string => `${shown(us / 1000)}${NBSP}ms`
const plural = (number: number, noun: string): string =>
  `${inWords(number)} ${noun}${number === 1 ? '' : 's'}`

const NOUNS: Readonly<Record<NonNullable<PathView['path']['peers'][number]['role']>, string>> = {
  server: 'server',
  user: 'user',
  supernode: 'supernode',
  ordinary: 'peer',
  ultrapeer: 'ultrapeer',
  leaf: 'leaf'
}

/** "peer 17", or what it is where peers have roles. */
function namer({ path }: PathView): (peer: number) => string {
  const roles = new Map(path.peers.map(({ peer, role }) => [peer, role]))
  return peer => `${NOUNS[roles.get(peer) ?? 'ordinary']} ${peer}`
}

/** Where it did not leave at once, as where a connection had to be opened, that is told. */
function later({ at_us: at, arrived_us: arrived }: PathEvent, beforeUs: number): string {
  const waited = at - beforeUs > AT_ONCE_US ? `The message leaves ${ms(at - beforeUs)} later` : ''
  if (arrived === null) return `${waited === '' ? 'The message' : `${waited}, and`} never arrives.`
  return waited === ''
    ? `The message arrives ${ms(arrived - at)} later.`
    : `${waited}, and arrives ${ms(arrived - at)} after that.`
}

function totalOf({ events, left_out: leftOut }: PathView['path']): string {
  const all = events.filter(({ message }) => message !== 'no-answer').length + leftOut
  return `All peers together sent ${count(all)} ${all === 1 ? 'message' : 'messages'} for it.`
}

function silentSteps(view: PathView): string[] {
  const name = namer(view)
  return view.path.events
    .filter(({ message }) => message === 'no-answer')
    .map(
      ({ from, to, at_us: us }) =>
        `${capital(name(from))} waits for ${name(to)} no longer, ${ms(us)} after the question.`
    )
}

/** Passed on from peer to peer; or asked one after another by who looks up, where somebody named them. */
function routedVerb(view: PathView): Words['verb'] {
  const name = namer(view)
  return (event, at) => {
    if (at === 0) return 'asks'
    return event.named_by === null ? 'passes it on to' : `hears of it from ${name(event.named_by)}, and asks`
  }
}

function idsOf({ path }: PathView): ReadonlyMap<number, string> {
  return new Map(path.peers.map(({ peer, id }) => [peer, id ?? '0']))
}

function chordWords(view: PathView): Words {
  const ids = idsOf(view)
  const { target, found, origin } = view.path
  const before = (peer: number) => {
    const turn = turnBetween(ids.get(peer) ?? '0', target.key ?? '0')
    return `which is ${percent(Number(turn.toPrecision(2)))} of the ring before the key`
  }
  return {
    origin: before(origin),
    verb: routedVerb(view),
    why: ({ to }) => (to === found ? ', the first peer at or after the key' : `, ${before(to)}`),
    answers: 'is the root of the key, and sends its answer'
  }
}

function pastryWords(view: PathView): Words {
  const ids = idsOf(view)
  const bits = digitBitsOf(view.settings)
  const key = digitsOf(view.path.target.key ?? '0', bits)
  const common = (peer: number) => plural(shared(digitsOf(ids.get(peer) ?? '0', bits), key), 'digit')
  const { origin, found } = view.path
  return {
    origin: `whose id has ${common(origin)} in common with the key`,
    verb: routedVerb(view),
    why: ({ to }) =>
      `, whose id has ${common(to)} in common${to === found ? ' and is the nearest to the key' : ''}`,
    answers: 'is the root of the key, and sends its answer'
  }
}

function kelipsWords(view: PathView): Words {
  const { path } = view
  const groups = new Map(path.peers.map(({ peer, group }) => [peer, group]))
  const named = wayBack(path)[0]?.named ?? 0
  return {
    origin: `of group ${groups.get(path.origin)}`,
    verb: routedVerb(view),
    why: ({ to }) => {
      const group = groups.get(to)
      return `, whom it knows in group ${group}${group === path.target.group ? ', which is the key’s' : ''}`
    },
    answers:
      path.found === path.answered_by
        ? 'is the root of the key, and sends its answer'
        : `looks into its own tables, names ${plural(named, 'peer')}, of which ${namer(view)(path.found)} is the nearest to the key, and sends that`
  }
}

function askedWords(view: PathView): Words {
  const { path } = view
  const ids = idsOf(view)
  const name = namer(view)
  const bits = (peer: number) => {
    const common = sharedBits(ids.get(peer) ?? '0', path.target.key ?? '0')
    return common === 1 ? '1 bit' : `${common} bits`
  }
  const known = (from: readonly number[]) =>
    from.length === 0 ? 'whom it knew' : `named by ${listed(from.map(name))}`
  const when = (us: number) => (us === 0 ? 'at once' : `${ms(us)} after the question`)
  const queries = queriesOf(view)
  const others = Map.groupBy(
    queries.filter(({ sent }) => sent.way !== 'there'),
    ({ sent }) => sent.at_us
  )
  // Queries that were sent in one moment are one sentence.
  const beside = () => [
    ...[...others].map(([us, together], at) => {
      const peers = together.map(({ sent }) => `${sent.to} (${bits(sent.to)})`)
      const whom =
        peers.length === 1 ? `peer ${peers[0]}` : `${plural(peers.length, 'peer')}, ${listed(peers)}`
      const namers = [...new Set(together.flatMap(({ sent }) => sent.named_by ?? []))]
      return `${at === 0 ? 'Beside these, ' : ''}${when(us)} ${name(path.origin)} asks ${whom}, ${known(namers)}.`
    }),
    `It is over ${ms(path.latency_us)} after the question: ${count(queries.filter(({ answer }) => answer?.arrived_us != null).length)} of the ${count(queries.length)} peers that were asked have answered.`
  ]
  return {
    verb: () => 'asks',
    why: ({ to, named_by: by, at_us: us }, at) =>
      ` (${bits(to)}${at === 0 ? ' in common with the key' : ''}), ${known(by === null ? [] : [by])}, ${when(us)}`,
    answers: 'is the nearest to the key of all, the root, and sends its answer',
    saysWhen: true,
    more: beside
  }
}

function floodWords(view: PathView): Words {
  const { path } = view
  const { steps, again } = reachedIn(view)
  const queries = path.events.filter(({ message }) => message === 'query')
  const sentBy = (peer: number) => queries.filter(({ from }) => from === peer).length
  const rings = Math.max(...steps.values())
  // Then nobody knows of all others.
  const isPart = path.left_out > 0
  const more = () => {
    const told = Array.from({ length: rings }, (_, at) => {
      const reached = new Set([...steps].flatMap(([peer, step]) => (step === at + 1 ? [peer] : [])))
      const times = queries.flatMap(({ to, arrived_us: us }) => (reached.has(to) && us !== null ? [us] : []))
      const hear = reached.size === 1 ? 'hears' : 'hear'
      const among = at === 0 && isPart ? ' of those that are shown' : ''
      return `${capital(plural(reached.size, 'peer'))}${among} ${hear} the query ${plural(at + 1, 'step')} away, the first ${ms(Math.min(...times))} after the question.`
    })
    if (again > 0 && !isPart)
      told.push(
        `${capital(plural(again, 'time'))} the query comes to somebody who has had it already, and is dropped.`
      )
    return told
  }
  return {
    verb: ({ ttl }, at) =>
      `${at === 0 ? 'sends the query' : 'hands it on'}${ttl === null ? '' : `, with ttl ${ttl},`} to`,
    why: ({ from, to }) => {
      const others = sentBy(from) - 1
      const beside = others === 0 || isPart ? '' : ` and to ${plural(others, 'other')}`
      return to === path.answered_by ? `, which has the file${beside && ','}${beside}` : beside
    },
    answers: 'sends a hit',
    more
  }
}

/** Napster and FastTrack: from index to index. */
function indexWords(view: PathView): Words {
  const { path } = view
  const name = namer(view)
  const isUser = ({ peer, role }: (typeof path.peers)[number]) =>
    peer === path.origin && (role === 'user' || role === 'ordinary')
  return {
    verb: (_event, at) => (at === 0 && path.peers.some(isUser) ? 'asks its' : 'asks'),
    why: event => {
      const others = path.events.filter(
        one => one.from === event.from && one.at_us === event.at_us && one.message === event.message
      ).length
      return others < 2 || path.left_out > 0 ? '' : ` and ${plural(others - 1, 'other')}`
    },
    answers:
      path.found === path.answered_by
        ? 'shares the file itself, and sends its answer'
        : `has the file in its index, which says that ${name(path.found)} shares it, and sends that`
  }
}
