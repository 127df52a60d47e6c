/**
 * Lookups of Chord, Pastry and Kelips beside those of libp2p's Kademlia (`@libp2p/kad-dht`): 64 real peers on loopback in
 * four processes, at most 32 connections each, the same provider records to be found by the same peers.
 *
 *     npm run bench:lookup -- --json [--peers 64] [--rounds 3] [--lookups 400] [--connections 32] [--idle-seconds 300] [--seed 1] [--sides kad,chord]
 *
 * They take turns, each with a network of its own. In a round every peer provides its four contents; random
 * peers look up random contents until the first provider, then a process with 13 of the 64 peers is killed, and
 * the others look up again what the living have. A lookup counts as right when the first provider is the one
 * that has the content, with an address. In the first round the network also stands still, for as long as
 * Kademlia's own period of maintenance. Goals for Chord: success at least Kademlia's, and at least 3
 * times its lookups for the same CPU.
 */
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { overRounds, type PhaseFigures } from './lookup/figures.ts'
import { processesOf, type Round, runRound } from './lookup/round.ts'
import { SIDES, type SideName } from './lookup/sides.ts'

/** Lookups for the same CPU, Chord's to Kademlia's. */
const GOAL_RATIO = 3
const PHASES = ['provided', 'alone', 'whole', 'killed'] as const
type Phase = (typeof PHASES)[number]

const MEANING: Readonly<Record<Phase, string>> = {
  provided: 'contents provided',
  alone: 'lookups one at a time',
  whole: 'lookups',
  killed: 'lookups after the kill'
}

interface SideFigures extends Record<Phase, PhaseFigures> {
  readonly rounds: readonly Round[]
}

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    peers: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '3' },
    lookups: { type: 'string', default: '400' },
    connections: { type: 'string', default: '32' },
    'idle-seconds': { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    sides: { type: 'string', default: SIDES.join(',') }
  }
})

async function main(): Promise<void> {
  const peers = Number(flags.peers)
  const rounds = Number(flags.rounds)
  const count = Number(flags.lookups)
  const connectionsMax = Number(flags.connections)
  const wanted = SIDES.filter(side => flags.sides.split(',').includes(side))
  const done = new Map<SideName, Round[]>(wanted.map(side => [side, []]))
  for (let round = 0; round < rounds; round++) {
    for (const side of wanted) {
      const progress = (line: string) =>
        void process.stderr.write(`round ${round + 1} of ${rounds}, ${side}: ${line}\n`)
      const seed = `${flags.seed} round ${round}`
      const idleSeconds = round === 0 ? Number(flags['idle-seconds']) : 0
      done
        .get(side)!
        .push(await runRound({ side, peers, seed, lookups: count, connectionsMax, idleSeconds, progress }))
    }
  }
  const sides = new Map([...done].map(([side, ran]) => [side, figuresOf(ran)]))
  const judged = judgedOf(sides)
  if (flags.json) {
    const host = { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version }
    const network = { peers, processes: processesOf(peers), connectionsMax }
    process.stdout.write(
      `${JSON.stringify({ bench: 'lookup', host, network, goal: GOAL_RATIO, judged, sides: Object.fromEntries(sides) })}\n`
    )
  } else {
    process.stdout.write(`${tables(sides)}\n`)
    for (const { side, phase, lookupsForTheSameCpu, met } of judged) {
      const goal = met === undefined ? '' : `, goal ${met ? 'met' : 'missed'}`
      process.stdout.write(
        `${side}, ${MEANING[phase]}: ${lookupsForTheSameCpu.toFixed(1)} times as many as Kademlia for the same CPU${goal}\n`
      )
    }
  }
  // A goal that is missed is a result, not an accident: whoever reads it decides.
  process.exitCode = 0
}

function figuresOf(rounds: readonly Round[]): SideFigures {
  const of = (phase: Phase) => overRounds(rounds.map(round => round[phase]))
  return { provided: of('provided'), alone: of('alone'), whole: of('whole'), killed: of('killed'), rounds }
}

/** Each beside Kademlia, where that ran: the goal is Chord's. */
function judgedOf(sides: ReadonlyMap<SideName, SideFigures>) {
  const kad = sides.get('kad')
  if (kad === undefined) return []
  const share = (figures: SideFigures, phase: Phase) => figures[phase].right / figures[phase].lookups
  return [...sides].flatMap(([side, figures]) => {
    if (side === 'kad') return []
    return (['whole', 'killed'] as const).map(phase => {
      const lookupsForTheSameCpu = kad[phase].cpuMsEach / figures[phase].cpuMsEach
      const success = { kad: share(kad, phase), [side]: share(figures, phase) }
      const met = lookupsForTheSameCpu >= GOAL_RATIO && share(figures, phase) >= share(kad, phase)
      return { side, phase, lookupsForTheSameCpu, success, ...(side === 'chord' && { met }) }
    })
  })
}

function tables(sides: ReadonlyMap<SideName, SideFigures>): string {
  const all = [...sides.values()]
  const lines = [row('', [...sides.keys()])]
  for (const phase of PHASES) {
    const both = (of: (figures: PhaseFigures) => string) => all.map(figures => of(figures[phase]))
    lines.push(
      row(
        MEANING[phase],
        both(({ right, lookups }) => `${right}/${lookups}`)
      ),
      row(
        '  a second',
        both(({ perSecond }) => perSecond.toFixed(1))
      ),
      row(
        '  CPU ms each',
        both(({ cpuMsEach }) => cpuMsEach.toFixed(1))
      ),
      row(
        '  latency ms, p50',
        both(({ latencyMs }) => latencyMs.p50.toFixed(1))
      ),
      row(
        '  latency ms, p90',
        both(({ latencyMs }) => latencyMs.p90.toFixed(1))
      ),
      row(
        '  latency ms, p99',
        both(({ latencyMs }) => latencyMs.p99.toFixed(1))
      ),
      row(
        '  messages each',
        both(({ messagesEach }) => messagesEach.toFixed(1))
      ),
      row(
        '  bytes each, protocol',
        both(({ protocolBytesEach }) => protocolBytesEach.toFixed(0))
      ),
      row(
        '  bytes each, sockets',
        both(({ socketBytesEach }) => socketBytesEach.toFixed(0))
      )
    )
  }
  const first = (of: (round: Round) => string) => all.map(({ rounds }) => of(rounds[0]!))
  lines.push(
    row('standing still, a peer and second', []),
    row(
      '  messages',
      first(({ idle }) => idle?.messages.toFixed(2) ?? '')
    ),
    row(
      '  bytes, protocol',
      first(({ idle }) => idle?.protocolBytes.toFixed(0) ?? '')
    ),
    row(
      '  bytes, sockets',
      first(({ idle }) => idle?.socketBytes.toFixed(0) ?? '')
    ),
    row(
      '  CPU ms',
      first(({ idle }) => idle?.cpuMs.toFixed(2) ?? '')
    ),
    row(
      'connections of a peer',
      first(({ connections }) => connections.mean.toFixed(1))
    ),
    row(
      'entries of its tables',
      first(({ entries }) => entries.mean.toFixed(1))
    )
  )
  return lines.join('\n')
}

function row(name: string, cells: readonly string[]): string {
  return name.padEnd(36) + cells.map(cell => cell.padStart(14)).join('')
}

await main()
