/**
 * Networks of FastTrack machines in the simulator: who shares what, who can be reached, and what was found, held against what
 * there is to find. Records are as long as signed ones and signed by nobody; whether one is sound is whether its provider made it.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import {
  ContentId,
  type FileRecord,
  type Machine,
  PARTIAL_INDEX_MIN,
  peerIdText,
  type RequestId,
  tokens,
  unsignedRecord
} from '@servent/overlay/machine'
import { type NodeIndex, Simulation, type SimulationInit } from '@servent/simulator'
import type {
  FastTrackAnswer,
  FastTrackNotice,
  FastTrackQuestion,
  FastTrackSettings,
  FastTrackTypes,
  UploadedFile,
  Wanted
} from '../src/machine.ts'
import { FastTrackMachine, fasttrackCodec, wantedOf } from '../src/machine.ts'
import { NaiveIndex } from './naive-index.ts'

export const EXPIRES_MS = 4_102_444_800_000

export interface TestFile {
  readonly name: string
  readonly size?: number
  readonly type?: string
  readonly tags?: Readonly<Record<string, string>>
}

export interface SearchRun {
  readonly node: NodeIndex
  readonly id: RequestId
  /** `name@node`, each once. */
  readonly found: Set<string>
  readonly rounds: boolean[]
  readonly hops: number[]
  refused?: string
  readonly onFound?: ((run: SearchRun) => void) | undefined
}

export interface WorldInit extends Partial<SimulationInit<FastTrackTypes>> {
  readonly seed: string
  readonly settings?: (node: NodeIndex) => Partial<FastTrackSettings>
  /** Whether others can dial it, and it says so. */
  readonly isReachable?: (node: NodeIndex) => boolean
  readonly filesOf?: (node: NodeIndex) => readonly TestFile[]
  /** What runs in its place: a mutant, or one that is watched. */
  readonly wrap?: (machine: FastTrackMachine, node: NodeIndex) => Machine<FastTrackTypes>
  /** Answers instead of the world, where it says something. */
  readonly tamper?: (question: FastTrackQuestion, node: NodeIndex) => FastTrackAnswer | undefined
  readonly onNotice?: (node: NodeIndex, notice: FastTrackNotice, nowUs: number) => void
}

export class FastTrackWorld {
  readonly simulation: Simulation<FastTrackTypes>
  readonly machines = new Map<NodeIndex, FastTrackMachine>()
  readonly indexes = new Map<NodeIndex, NaiveIndex>()
  readonly files = new Map<NodeIndex, TestFile[]>()
  readonly notices: { node: NodeIndex; notice: FastTrackNotice }[] = []
  readonly #init: WorldInit
  readonly #searches = new Map<string, SearchRun>()
  #starting: SearchRun | undefined
  readonly #sealed = new Map<NodeIndex, Map<number, Uint8Array>>()
  readonly #records = new WeakMap<Uint8Array, FileRecord>()
  readonly #nodeOf = new Map<string, NodeIndex>()
  readonly #names = new Map<NodeIndex, string>()

  constructor(init: WorldInit) {
    this.#init = init
    const { settings = () => ({}), onNotice, ...rest } = init
    this.simulation = new Simulation<FastTrackTypes>({
      ...rest,
      codec: fasttrackCodec,
      createMachine: node => {
        const machine = new FastTrackMachine(settings(node))
        this.machines.set(node, machine)
        this.indexes.set(node, new NaiveIndex())
        return init.wrap === undefined ? machine : init.wrap(machine, node)
      },
      answer: (question, node) => init.tamper?.(question, node) ?? this.#answer(question, node),
      onNotice: (node, notice, nowUs) => {
        this.#onNotice(node, notice)
        onNotice?.(node, notice, nowUs)
      }
    })
  }

  /** A node that runs, and has been told what a host tells it. */
  start(node: NodeIndex): void {
    this.simulation.start(node)
    this.#introduce(node)
  }

  add(...contacts: NodeIndex[]): NodeIndex {
    const node = this.simulation.addNode()
    this.start(node)
    for (const contact of contacts) this.simulation.contact(node, contact)
    return node
  }

  #introduce(node: NodeIndex): void {
    const { isReachable = () => true, filesOf = () => [] } = this.#init
    const name = this.nameOf(node)
    this.#names.set(node, name)
    this.#nodeOf.set(name, node)
    if (!this.files.has(node)) this.files.set(node, [...filesOf(node)])
    this.simulation.command(node, {
      type: 'circumstances',
      isReachable: isReachable(node),
      uploadKbps: 0
    })
  }

  /** What is held for a node that ended; what was found of it can still be read. */
  forget(node: NodeIndex): void {
    this.machines.delete(node)
    this.indexes.delete(node)
    this.files.delete(node)
    this.#sealed.delete(node)
  }

  nameOf(node: NodeIndex): string {
    return this.#names.get(node) ?? peerIdText(this.simulation.contactOf(node).id)
  }

  nodeOf(name: string): NodeIndex {
    return this.#nodeOf.get(name)!
  }

  machine(node: NodeIndex): FastTrackMachine {
    return this.machines.get(node)!
  }

  tables(node: NodeIndex) {
    return this.machine(node).snapshot()
  }

  supernodes(): NodeIndex[] {
    return this.simulation.aliveNodes().filter(node => this.tables(node).role === 'supernode')
  }

  ordinaries(): NodeIndex[] {
    return this.simulation.aliveNodes().filter(node => this.tables(node).role === 'ordinary')
  }

  run(seconds: number): void {
    this.simulation.runFor(Math.round(seconds * 1_000_000))
  }

  search(
    node: NodeIndex,
    text: string | Wanted,
    ttl?: number,
    onFound?: (run: SearchRun) => void
  ): SearchRun {
    const wanted = typeof text === 'string' ? wantedOf({ text, words: tokens(text), limit: 200 }) : text
    const run: SearchRun = { node, id: 0, found: new Set(), rounds: [], hops: [], onFound }
    this.#starting = run
    const id = this.simulation.command(node, {
      type: 'search',
      wanted,
      ...(ttl === undefined ? {} : { ttl })
    })
    this.#starting = undefined
    const known = Object.assign(run, { id })
    this.#searches.set(`${node}/${id}`, known)
    return known
  }

  endSearch({ node, id }: SearchRun): void {
    this.#searches.delete(`${node}/${id}`)
    if (this.simulation.alive(node)) this.simulation.command(node, { type: 'end-search', search: id })
  }

  share(node: NodeIndex, file: TestFile): void {
    const files = this.files.get(node)!
    files.push(file)
    this.simulation.command(node, {
      type: 'changed',
      added: [this.#upload(node, files.length - 1)],
      removed: []
    })
  }

  #onNotice(node: NodeIndex, notice: FastTrackNotice): void {
    if (!('search' in notice)) {
      this.notices.push({ node, notice })
      return
    }
    const run = this.#searches.get(`${node}/${notice.search}`) ?? this.#starting
    if (run === undefined) return
    if (notice.type === 'searched') run.rounds.push(notice.isMore)
    else if (notice.type === 'search-refused') run.refused = notice.reason
    else if (notice.type === 'found') {
      run.hops.push(notice.hops)
      run.onFound?.(run)
      for (const { record } of notice.files)
        run.found.add(`${record.name}@${this.#nodeOf.get(record.provider)}`)
    }
  }

  #answer(question: FastTrackQuestion, node: NodeIndex): FastTrackAnswer {
    switch (question.type) {
      case 'verify':
        return {
          type: 'verified',
          records: question.claims.map(({ provider, record }) => {
            const read = this.#records.get(record)
            return read?.provider === peerIdText(provider) ? read : undefined
          })
        }
      case 'records': {
        const files = this.files.get(node) ?? []
        const page: UploadedFile[] = []
        let bytes = 0
        for (let index = question.after + 1; index < files.length; index += 1) {
          const file = this.#upload(node, index)
          bytes += file.record.length
          if (page.length > 0 && (bytes > question.bytesMax || page.length >= question.filesMax)) break
          page.push(file)
        }
        const last = page.at(-1)?.index ?? question.after
        return { type: 'records', files: page, isLast: last >= files.length - 1 || last >= PARTIAL_INDEX_MIN }
      }
      case 'dial-back': {
        const target = this.simulation.nodeOf(question.contact)!
        return {
          type: 'dialled',
          isReachable: this.simulation.alive(target) && (this.#init.isReachable?.(target) ?? true)
        }
      }
      default:
        return this.indexes.get(node)?.answer(question) ?? { type: 'index-removed', files: 0 }
    }
  }

  /** One object for each node and file, so that a network of many holds each record once. */
  #upload(node: NodeIndex, index: number): UploadedFile {
    const sealed = this.#sealed.get(node) ?? new Map<number, Uint8Array>()
    this.#sealed.set(node, sealed)
    const known = sealed.get(index)
    if (known !== undefined) return { index, record: known }
    const { name, size = 1000, type = 'audio/flac', tags = {} } = this.files.get(node)![index]!
    const record: FileRecord = {
      id: ContentId.fromRoot(sha256(new TextEncoder().encode(name)), size),
      size,
      name,
      type,
      tags,
      provider: this.nameOf(node),
      sequence: 1,
      expiresMs: EXPIRES_MS
    }
    const bytes = unsignedRecord(record)
    this.#records.set(bytes, record)
    sealed.set(index, bytes)
    return { index, record: bytes }
  }
}
