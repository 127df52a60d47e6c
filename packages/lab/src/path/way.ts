/**
 * The way of a lookup, out of all messages that were sent for it: the requests that led to whoever had the answer, and
 * the messages by which it came back. Where it does not have as many steps as were counted, it is none: an answer out of a
 * cache says how far somebody else went.
 */
import type { NodeIndex } from '@servent/simulator'
import type { LookupTrace, Traced } from './trace.ts'

/** Of all overlays: none uses a name of another's for something else. */
const REQUESTS = new Set(['lookup', 'next-hops-request', 'find-node', 'find', 'query', 'mesh-find'])
const ANSWERS = new Set([
  'found',
  'next-hops-answer',
  'closer-peers',
  'providers',
  'query-hit',
  'results',
  'mesh-found'
])

export interface Way {
  /** Each from whom the one before it reached, or from who asks where that one named its receiver. */
  readonly there: readonly Traced[]
  readonly back: readonly Traced[]
  /** Whose answer it is. */
  readonly answeredBy: NodeIndex
}

/** How a lookup ended. */
export interface Answered {
  readonly found: NodeIndex
  readonly hops: number
  /** Since the question. */
  readonly tookUs: number
  readonly isSupernode: (peer: NodeIndex) => boolean
}

const cameBy = (traced: Traced, us: number): boolean =>
  traced.arrivedUs !== undefined && traced.arrivedUs <= us

const isRequest = ({ message }: Traced): boolean => REQUESTS.has(message)
const isAnswer = ({ message }: Traced): boolean => ANSWERS.has(message)

export function wayOf(trace: LookupTrace, { found, hops, tookUs, isSupernode }: Answered): Way | undefined {
  const { origin, messages } = trace
  const answers = messages.filter(one => isAnswer(one) && one.to === origin && cameBy(one, tookUs)).reverse()
  const ways = answers.flatMap(answer => {
    const back = backFrom(messages, answer)
    const first = back[0]!
    const there = thereTo(trace, first.from, first.atUs)
    return there === undefined ? [] : [{ there, back, answeredBy: first.from }]
  })
  // The link from a supernode to its user is counted, though nothing goes over it.
  const stepsOf = ({ there, answeredBy }: Way): number =>
    there.length + (answeredBy !== found && isSupernode(answeredBy) ? 1 : 0)
  const right = ways.filter(way => stepsOf(way) === hops)
  return right.find(({ answeredBy }) => answeredBy === found) ?? right[0]
}

/** Whoever hands an answer on does so in the moment in which it comes. */
function backFrom(messages: readonly Traced[], last: Traced): Traced[] {
  const back = [last]
  const before = ({ from, atUs }: Traced) =>
    messages.find(one => isAnswer(one) && one.to === from && one.arrivedUs === atUs)
  for (let first = before(last); first !== undefined; first = before(first)) back.unshift(first)
  return back
}

/** Undefined where a step is not known. */
function thereTo(trace: LookupTrace, to: NodeIndex, untilUs: number): Traced[] | undefined {
  const { origin, messages } = trace
  const there: Traced[] = []
  for (let [reached, us] = [to, untilUs]; reached !== origin; ) {
    // Of several, the others came too late.
    const request = messages
      .filter(one => isRequest(one) && one.to === reached && cameBy(one, us))
      .reduce<Traced | undefined>(
        (a, b) => (a !== undefined && a.arrivedUs! <= b.arrivedUs! ? a : b),
        undefined
      )
    if (request === undefined || there.length > messages.length) return undefined
    there.unshift(request)
    us = request.atUs
    reached = request.from === origin ? (namedBy(trace, request) ?? origin) : request.from
  }
  return there
}

/** Where who asks sends every request itself: whose answer named its receiver; undefined where it knew it before. */
export function namedBy({ origin, messages, steps }: LookupTrace, request: Traced): NodeIndex | undefined {
  const step = steps.get(request.to)
  // Whom it asked first it knew. Some count these as one step, and some as none.
  if (request.from !== origin || step === undefined || step === Math.min(...steps.values())) return undefined
  return messages.find(
    one =>
      isAnswer(one) &&
      one.to === origin &&
      cameBy(one, request.atUs) &&
      steps.get(one.from) === step - 1 &&
      one.names.includes(request.to)
  )?.from
}
