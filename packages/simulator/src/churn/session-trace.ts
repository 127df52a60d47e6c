/**
 * Churn as somebody measured it: a text of lines `time node up` and `time node down`, time in seconds, nodes as
 * whole numbers, `#` before remarks. Lines need not be in order. A node begins down.
 */
import { ModelError } from '../network/errors.ts'

export interface SessionEvent {
  readonly atUs: number
  readonly node: number
  readonly up: boolean
}

export const TRACE_EVENTS_MAX = 10_000_000
/** Of a node's number. */
export const TRACE_NODES_MAX = 1_000_000
/** Of a line that is none, as an error has it. */
const SAID_CHARACTERS_MAX = 80

/**
 * Sorted by time; of one time, in the order of the text.
 *
 * @throws ModelError  a line cannot be read, or a node comes up twice or goes down twice in a row
 */
export function parseSessionTrace(text: string, eventsMax = TRACE_EVENTS_MAX): readonly SessionEvent[] {
  const events: (SessionEvent & { line: number })[] = []
  let line = 0
  for (const words of text.split('\n')) {
    line += 1
    const said = words.replace(/#.*/, '').trim()
    if (said === '') continue
    if (events.length >= eventsMax) throw new ModelError(`A trace has at most ${eventsMax} events.`)
    events.push({ ...parseEvent(said, line), line })
  }
  // Sorting is stable: events of one time keep their order.
  events.sort((a, b) => a.atUs - b.atUs)
  const up = new Set<number>()
  for (const event of events) {
    if (up.has(event.node) === event.up)
      throw new ModelError(
        `Line ${event.line}: node ${event.node} is ${event.up ? 'up' : 'down'} already at that time.`
      )
    if (event.up) up.add(event.node)
    else up.delete(event.node)
  }
  return events.map(({ atUs, node, up }) => ({ atUs, node, up }))
}

/** The nodes of a trace that are up at its beginning, in the order of the trace; all others begin down. */
export function nodesUpAtFirst(events: readonly SessionEvent[]): number[] {
  const up = new Set<number>()
  for (const { atUs, node, up: comes } of events) {
    if (atUs > 0) break
    if (comes) up.add(node)
    else up.delete(node)
  }
  return [...up]
}

function parseEvent(said: string, line: number): SessionEvent {
  const [, time, node, state] = /^(\d+(?:\.\d+)?)\s+(\d+)\s+(up|down)$/.exec(said) ?? []
  if (time === undefined || node === undefined)
    throw new ModelError(
      `Line ${line}: "${said.slice(0, SAID_CHARACTERS_MAX)}" is not of the form "12.5 7 up" or "12.5 7 down".`
    )
  if (Number(node) >= TRACE_NODES_MAX)
    throw new ModelError(`Line ${line}: nodes have numbers below ${TRACE_NODES_MAX}, not ${node}.`)
  const atUs = Math.floor(Number(time) * 1_000_000)
  if (!Number.isSafeInteger(atUs)) throw new ModelError(`Line ${line}: ${time} s is too long.`)
  return { atUs, node: Number(node), up: state === 'up' }
}
