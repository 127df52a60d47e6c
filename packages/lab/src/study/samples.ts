/**
 * Samples of a study as tables, one row for each: CSV and Parquet with the same columns. Of long runs every so-many-th
 * sample is taken, in the order in which they were measured.
 */
import { closeSync, openSync, renameSync, writeSync } from 'node:fs'
import { fileWriter, ParquetWriter } from 'hyparquet-writer'
import type { RunResult } from '../run-result.ts'
import type { Point } from './study.ts'

/** Samples of one kind that are taken of one run at most. */
export const SAMPLES_OF_RUN_MAX = 10_000
/** Rows that wait for the Parquet file's next group. */
const GROUP_ROWS = 100_000

const US_PER_S = 1_000_000
const COLUMNS = ['part', 'overlay', 'at', 'settings', 'seed', 'metric', 'value'] as const
const PART_SUFFIX = '.part'

type Texts = Record<'part' | 'overlay' | 'at' | 'settings' | 'metric', string[]>

export class SampleFiles {
  readonly #csvName: string
  readonly #parquetName: string
  readonly #csv: number
  readonly #parquet: ParquetWriter
  #texts: Texts = emptyTexts()
  #seeds: number[] = []
  #values: number[] = []

  /** Written beside and renamed by `finish`, so that earlier ones stay until these are whole. */
  constructor(csvName: string, parquetName: string) {
    this.#csvName = csvName
    this.#parquetName = parquetName
    this.#csv = openSync(`${csvName}${PART_SUFFIX}`, 'w')
    writeSync(this.#csv, `${COLUMNS.join()}\n`)
    const text = { type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' } as const
    this.#parquet = new ParquetWriter({
      writer: fileWriter(`${parquetName}${PART_SUFFIX}`),
      schema: [
        { name: 'root', num_children: COLUMNS.length },
        ...COLUMNS.map(name =>
          name === 'seed'
            ? ({ name, type: 'INT64', repetition_type: 'REQUIRED' } as const)
            : name === 'value'
              ? ({ name, type: 'DOUBLE', repetition_type: 'REQUIRED' } as const)
              : { name, ...text }
        )
      ]
    })
  }

  add(part: string, { overlay, at, set }: Point, run: RunResult): void {
    const where = { part, overlay, at: JSON.stringify(at), settings: JSON.stringify(set) }
    const before = COLUMNS.slice(0, 4).map(name => quoted(where[name as keyof typeof where]))
    for (const [metric, samples] of metricsOf(run)) {
      const step = Math.ceil(samples.length / SAMPLES_OF_RUN_MAX)
      const lines: string[] = []
      for (let index = 0; index < samples.length; index += step) {
        const value = samples[index]!
        lines.push(`${before.join()},${run.seed},${metric},${value}\n`)
        for (const [name, text] of Object.entries(where)) this.#texts[name as keyof typeof where].push(text)
        this.#texts.metric.push(metric)
        this.#seeds.push(run.seed)
        this.#values.push(value)
        if (this.#values.length >= GROUP_ROWS) this.#writeGroup()
      }
      writeSync(this.#csv, lines.join(''))
    }
  }

  finish(): void {
    closeSync(this.#csv)
    if (this.#values.length > 0) this.#writeGroup()
    void this.#parquet.finish()
    for (const name of [this.#csvName, this.#parquetName]) renameSync(`${name}${PART_SUFFIX}`, name)
  }

  #writeGroup(): void {
    const data = { ...this.#texts, seed: this.#seeds.map(BigInt), value: this.#values }
    // Of a writer to a file it is done when this returns.
    void this.#parquet.write({ columnData: COLUMNS.map(name => ({ name, data: data[name] })) })
    this.#texts = emptyTexts()
    this.#seeds = []
    this.#values = []
  }
}

function emptyTexts(): Texts {
  return { part: [], overlay: [], at: [], settings: [], metric: [] }
}

/** As RFC 4180 has it. */
function quoted(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** With their units in their names; docs/lab.md says what a row of each is of. */
function metricsOf({ lookups, searches, values, nodes, traffic }: RunResult): [string, ArrayLike<number>][] {
  const sent =
    traffic.bytesByType && Object.values(traffic.bytesByType).reduce((sum, bytes) => sum + bytes, 0)
  const all: Record<string, ArrayLike<number> | undefined> = {
    lookup_hops: lookups.hops,
    lookup_hops_as_published: lookups.hopsAsPublished,
    lookup_latency_us: lookups.latencyUs,
    lookup_timeouts: lookups.timeouts,
    lookup_messages: lookups.messages,
    lookup_stretch: lookups.stretch,
    search_messages: searches?.messages,
    search_bytes: searches?.bytes,
    search_first_hit_us: searches?.firstHitUs,
    put_latency_us: values?.puts.latencyUs,
    get_latency_us: values?.gets.latencyUs,
    node_bytes_sent: nodes.bytesSent,
    node_messages_received: nodes.messagesReceived,
    node_state_entries: nodes.stateEntries,
    node_state_bytes: nodes.stateBytes,
    node_connections: nodes.connections,
    run_bytes_sent: sent === undefined ? undefined : [sent],
    run_peer_s: [nodes.aliveUs / US_PER_S]
  }
  return Object.entries(all).filter((entry): entry is [string, ArrayLike<number>] => entry[1] !== undefined)
}
