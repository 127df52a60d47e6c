/**
 * Servers and users in the simulator, and an observer that sees everybody: who shares what, who is up, and where.
 * The first nodes are the servers.
 */
import type { KeywordIndex } from '@servent/keyword-index'
import { type Machine, peerIdText, type RequestId } from '@servent/overlay/machine'
import { type NodeIndex, Simulation } from '@servent/simulator'
import { NapsterMachine } from '../src/machine.ts'
import type { NapsterNotice, NapsterQuestion, NapsterTypes } from '../src/types.ts'
import { napsterCodec } from '../src/wire.ts'
import { NaiveIndex } from './naive-index.ts'
import { answerVerify, recordOf, type TestFile, wantedOf } from './peer.ts'

export const MS = 1_000
export const S = 1_000 * MS

export interface WorldInit {
  readonly seed: string
  readonly servers: number
  readonly users: number
  readonly filesPerUser: number
  /** A machine with a fault in it, for this server. */
  readonly mutant?: (node: NodeIndex, sound: Machine<NapsterTypes>) => Machine<NapsterTypes>
}

export interface Asked {
  readonly found: Set<string>
  readonly startedUs: number
  endedUs?: number
  unanswered: NodeIndex[]
}

export class World {
  readonly simulation: Simulation<NapsterTypes>
  readonly servers: NodeIndex[] = []
  readonly users: NodeIndex[] = []
  readonly files = new Map<NodeIndex, TestFile[]>()
  readonly #indexes = new Map<NodeIndex, NaiveIndex>()
  readonly #passes = new Map<NodeIndex, { pass: number; at: number }>()
  readonly #searches = new Map<string, Asked>()
  readonly #peerIds = new Map<string, NodeIndex>()

  constructor({ seed, servers, users, filesPerUser, mutant = (_, machine) => machine }: WorldInit) {
    this.simulation = new Simulation<NapsterTypes>({
      seed,
      codec: napsterCodec,
      createMachine: node => mutant(node, new NapsterMachine(node < servers ? { server: {} } : {})),
      answer: (question, node) => this.#answer(question, node),
      onNotice: (node, notice) => this.#onNotice(node, notice),
      limits: { linksMax: 128, inboundLinksMax: 128 }
    })
    const { simulation } = this
    this.servers.push(...simulation.addNodes(servers))
    this.users.push(...simulation.addNodes(users))
    for (const node of [...this.servers, ...this.users]) {
      this.#peerIds.set(this.peerId(node), node)
      this.#indexes.set(node, new NaiveIndex())
      simulation.start(node)
    }
    const contacts = this.servers.map(server => simulation.contactOf(server))
    for (const server of this.servers)
      simulation.command(server, { type: 'servers', contacts: contacts.filter((_, at) => at !== server) })
    for (const user of this.users) {
      const own = Array.from({ length: filesPerUser }, (_, at) => ({
        index: at + 1,
        name: `word${user} common file${at}.mp3`,
        size: 1_000 + at
      }))
      this.files.set(user, own)
      simulation.command(user, { type: 'sharing', files: own.length, firewalled: false })
      simulation.command(user, { type: 'servers', contacts })
    }
  }

  peerId(node: NodeIndex): string {
    return peerIdText(this.simulation.contactOf(node).id)
  }

  /** Where a user is logged in. */
  homeOf(user: NodeIndex): NodeIndex | undefined {
    const { server } = this.simulation.machine(user).snapshot()
    return server === null ? undefined : this.#peerIds.get(server)
  }

  search(user: NodeIndex, text: string): Asked {
    const { simulation } = this
    const asked: Asked = { found: new Set(), startedUs: simulation.nowUs, unanswered: [] }
    const id = simulation.command(user, { type: 'search', wanted: wantedOf(text) })
    this.#searches.set(`${user} ${id}`, asked)
    return asked
  }

  indexOf(server: NodeIndex): KeywordIndex & NaiveIndex {
    return this.#indexes.get(server)!
  }

  #onNotice(node: NodeIndex, notice: NapsterNotice): void {
    const asked =
      'search' in notice ? this.#searches.get(`${node} ${notice.search satisfies RequestId}`) : undefined
    if (notice.type === 'found')
      for (const { record } of notice.files)
        asked?.found.add(`${record.name} of ${this.#peerIds.get(record.provider)}`)
    if (notice.type === 'search-ended' && asked !== undefined) {
      asked.endedUs = this.simulation.nowUs
      asked.unanswered = notice.unanswered.map(peerId => this.#peerIds.get(peerId) ?? -1)
    }
  }

  #answer(question: NapsterQuestion, node: NodeIndex) {
    const verdict = answerVerify(question)
    if (verdict !== undefined) return verdict
    if (question.type === 'files' || question.type === 'next-files') {
      const own = this.files.get(node) ?? []
      const shared = (file: TestFile) => ({ index: file.index, record: recordOf(this.peerId(node), file) })
      if (question.type === 'files') {
        const files = own.filter(({ index }) => question.indexes.includes(index)).map(shared)
        return { type: 'files', files, isLast: false } as const
      }
      const known = this.#passes.get(node)
      const at = known?.pass === question.pass ? known.at : 0
      this.#passes.set(node, { pass: question.pass, at: at + question.limit })
      const isLast = at + question.limit >= own.length
      return { type: 'files', files: own.slice(at, at + question.limit).map(shared), isLast } as const
    }
    return this.#indexes.get(node)!.answer(question as Parameters<NaiveIndex['answer']>[0])
  }
}
