/** Peers that come and go, and the arithmetic that their times are drawn with. */
export { beginChurn, type Churn, type ChurnProcess, churnProcess, RATE_PER_S_MAX } from './churn.ts'
export { exp, gamma, ln, power } from './exact-math.ts'
export { failShare } from './mass-events.ts'
export { type Population, pickSome } from './population.ts'
export {
  nodesUpAtFirst,
  parseSessionTrace,
  type SessionEvent,
  TRACE_EVENTS_MAX,
  TRACE_NODES_MAX
} from './session-trace.ts'
export {
  durationUs,
  SESSION_US_MAX,
  SESSION_US_MIN,
  type SessionProcess,
  SHAPE_MAX,
  SHAPE_MIN,
  sessionProcess
} from './sessions.ts'
export { CHURN_CONTACTS_MAX, type ChurnCounts, type ChurnSettings, type Rejoin } from './turnover.ts'
