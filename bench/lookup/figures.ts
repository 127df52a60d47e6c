/** What a phase of lookups cost, and the table that shows it. */
import { median } from '../node-processes.ts'
import type { Finding } from './peers.ts'
import type { Usage } from './traffic.ts'

export interface PhaseFigures {
  readonly lookups: number
  /** The right provider with an address was the first. */
  readonly right: number
  readonly wrong: number
  readonly nothing: number
  readonly errors: number
  readonly perSecond: number
  readonly cpuMsEach: number
  readonly latencyMs: { readonly p50: number; readonly p90: number; readonly p99: number }
  /** On streams of the overlay's protocol, both directions. */
  readonly messagesEach: number
  readonly protocolBytesEach: number
  /** Of all sockets, with encryption and everything else that runs on a connection. */
  readonly socketBytesEach: number
}

/** Cost of standing still, for one peer and second. */
export interface IdleFigures {
  readonly seconds: number
  readonly messages: number
  readonly protocolBytes: number
  readonly socketBytes: number
  readonly cpuMs: number
}

export function difference(before: Usage, after: Usage): Usage {
  return {
    messages: after.messages - before.messages,
    protocolBytes: after.protocolBytes - before.protocolBytes,
    socketBytes: after.socketBytes - before.socketBytes,
    cpuSeconds: after.cpuSeconds - before.cpuSeconds
  }
}

export function phaseFigures(findings: readonly Finding[], used: Usage, seconds: number): PhaseFigures {
  const count = findings.length
  const having = (outcome: Finding['outcome']) =>
    findings.filter(finding => finding.outcome === outcome).length
  const sorted = findings.map(({ ms }) => ms).sort((a, b) => a - b)
  return {
    lookups: count,
    right: having('right'),
    wrong: having('wrong'),
    nothing: having('nothing'),
    errors: having('error'),
    perSecond: count / seconds,
    cpuMsEach: (used.cpuSeconds * 1000) / count,
    latencyMs: { p50: quantile(sorted, 0.5), p90: quantile(sorted, 0.9), p99: quantile(sorted, 0.99) },
    messagesEach: used.messages / count,
    protocolBytesEach: used.protocolBytes / count,
    socketBytesEach: used.socketBytes / count
  }
}

export function idleFigures(used: Usage, peers: number, seconds: number): IdleFigures {
  const share = (total: number) => total / peers / seconds
  return {
    seconds,
    messages: share(used.messages),
    protocolBytes: share(used.protocolBytes),
    socketBytes: share(used.socketBytes),
    cpuMs: share(used.cpuSeconds * 1000)
  }
}

/** The nearest rank: of 100 sorted values, the 99th is the quantile 0.99. */
function quantile(sorted: readonly number[], of: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * of) - 1)] ?? Number.NaN
}

/** Of the rounds of one phase: counts are summed, figures are the median. */
export function overRounds(rounds: readonly PhaseFigures[]): PhaseFigures {
  const total = (name: 'lookups' | 'right' | 'wrong' | 'nothing' | 'errors') =>
    rounds.reduce((sum, round) => sum + round[name], 0)
  const middle = (of: (round: PhaseFigures) => number) => median(rounds.map(of))
  return {
    lookups: total('lookups'),
    right: total('right'),
    wrong: total('wrong'),
    nothing: total('nothing'),
    errors: total('errors'),
    perSecond: middle(({ perSecond }) => perSecond),
    cpuMsEach: middle(({ cpuMsEach }) => cpuMsEach),
    latencyMs: {
      p50: middle(({ latencyMs }) => latencyMs.p50),
      p90: middle(({ latencyMs }) => latencyMs.p90),
      p99: middle(({ latencyMs }) => latencyMs.p99)
    },
    messagesEach: middle(({ messagesEach }) => messagesEach),
    protocolBytesEach: middle(({ protocolBytesEach }) => protocolBytesEach),
    socketBytesEach: middle(({ socketBytesEach }) => socketBytesEach)
  }
}
