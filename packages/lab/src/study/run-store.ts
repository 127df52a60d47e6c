/**
 * Runs of a study on disk, each in a file of its own as soon as it has ended: so a study that was interrupted goes on
 * with what is there. A file is named by all that decides what its run measures, the code among it, and is whole or not
 * there.
 */
import { createHash } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { gunzipSync, gzipSync } from 'node:zlib'
import { makeFolder } from '@servent/database/make-folder'
import { fingerprintOf } from '../fingerprint.ts'
import type { Job, PlanTexts } from '../messages.ts'
import { filesIn } from '../models.ts'
import type { Plan } from '../plan.ts'
import type { RunResult } from '../run-result.ts'

const NAME_CHARACTERS = 24

export class RunStore {
  readonly #folder: string
  readonly #codeOf: (plan: Plan) => string
  readonly #texts: PlanTexts

  /** `codeOf` names what runs for a plan: runs of other code are others. */
  constructor(folder: string, codeOf: (plan: Plan) => string, texts: PlanTexts) {
    this.#folder = folder
    this.#codeOf = codeOf
    this.#texts = texts
    makeFolder(folder)
  }

  /** Nothing where it is not there, is not what was written, or has no graph where one is asked for. */
  find(job: Job): RunResult | undefined {
    try {
      const { fingerprint, run } = deserialize(gunzipSync(readFileSync(this.#fileOf(job)))) as Stored
      const isWhole = fingerprintOf([run]) === fingerprint && (!job.graph || run.graph !== undefined)
      return isWhole ? run : undefined
    } catch {
      return undefined
    }
  }

  /** Points of a study may share a run: each once, with its graph where one of them asks for it. */
  distinct(jobs: readonly Job[]): Job[] {
    const distinct = new Map<string, Job>()
    for (const job of jobs) {
      const file = this.#fileOf(job)
      if (job.graph || !distinct.has(file)) distinct.set(file, job)
    }
    return [...distinct.values()]
  }

  /** @throws Error  the disk takes no more */
  add(job: Job, run: RunResult): void {
    const file = this.#fileOf(job)
    const stored: Stored = { fingerprint: fingerprintOf([run]), run }
    writeFileSync(`${file}.part`, gzipSync(serialize(stored)))
    renameSync(`${file}.part`, file)
  }

  #fileOf({ plan, overlay, seed }: Job): string {
    // How many there are beside it, and how many run at a time, makes no difference to a run.
    const { workers: _workers, seeds: _seeds, seed: _seed, overlays: _overlays, ...what } = plan
    const files = filesIn(this.#texts, plan)
    const all = JSON.stringify([this.#codeOf(plan), overlay, seed, what, files])
    const name = createHash('sha256').update(all).digest('hex').slice(0, NAME_CHARACTERS)
    return join(this.#folder, `${name}.run`)
  }
}

interface Stored {
  readonly fingerprint: string
  readonly run: RunResult
}
