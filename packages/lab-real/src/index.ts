/**
 * Backends of the lab with real peers: `in-process`, libp2p nodes in this process on a transport in memory, and
 * `processes`, a `servent` each over TCP. Each gives what the simulator gives, and nothing where it cannot tell.
 */
import { type Backend, filesIn, inTurn, type Job, type RealBackendId } from '@servent/lab/backend'
import { InProcessNetwork } from './in-process.ts'
import { checkSettings, ProcessesNetwork } from './processes.ts'
import { realRun } from './real-run.ts'
import type { Rendezvous } from './rendezvous.ts'
import type { Sink } from './sink.ts'
import type { RealNetworkInit } from './types.ts'

export { LocalRendezvous, type RegisteredPeer, type Rendezvous } from './rendezvous.ts'
export {
  LocalSink,
  type LookupSample,
  type PeerSample,
  type Samples,
  type SearchSample,
  type Sink
} from './sink.ts'
export type { PeerLook } from './types.ts'

export interface RealBackendInit {
  /** The program that `processes` starts, as a command without arguments: `node servent.mjs`. */
  readonly command: readonly string[]
  /** Where the peers of a run find each other, and where its samples go: of each run one of its own. Else in memory. */
  readonly rendezvousOf?: (job: Job) => Rendezvous
  readonly sinkOf?: (job: Job) => Sink
}

export function realBackend(name: RealBackendId, given: RealBackendInit): Backend {
  const { command, rendezvousOf, sinkOf } = given
  const isInProcess = name === 'in-process'
  const makeNetwork = (init: RealNetworkInit) =>
    isInProcess ? new InProcessNetwork(init) : new ProcessesNetwork({ ...init, command })
  return {
    ...(!isInProcess && { check: checkSettings }),
    run: (jobs, init) =>
      inTurn(jobs, init, (job, onDone) =>
        realRun({
          job,
          files: filesIn(init.texts, job.plan),
          makeNetwork,
          signal: init.signal,
          onDone,
          ...(rendezvousOf && { rendezvous: rendezvousOf(job) }),
          ...(sinkOf && { sink: sinkOf(job) })
        })
      )
  }
}
