/** What a verb works with: its streams, the global flags, the configuration, and the way to the node. */
import { resolve } from 'node:path'
import { type ConfigInput, type LoadedConfig, loadConfig } from '@servent/node'
import type { Command } from 'commander'
import { MEANINGS, type ProblemCode } from '../problem.ts'
import { Output, type Sink } from '../terminal/output.ts'
import { ProgressLine } from '../terminal/progress.ts'
import { safeJson } from '../terminal/safe.ts'
import { Client } from './client.ts'
import { spelled } from './spelling.ts'

/** The process around a command: real in the program, made up in tests. */
export interface Io {
  readonly stdout: Sink
  readonly stderr: Sink
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal
}

export interface GlobalFlags {
  readonly dataDir?: string
  readonly json?: boolean
  readonly quiet?: boolean
  /** False after `--no-color`. */
  readonly color?: boolean
}

export class Context {
  readonly io: Io
  readonly flags: GlobalFlags
  readonly json: boolean
  /** Data: stdout. */
  readonly out: Output
  /** Talk: stderr. Nothing with `--quiet`, and none beside `--json` unless something is wrong. */
  readonly talk: Output
  /** Words on stderr that stand beside `--json` too; nothing with `--quiet`. */
  readonly notes: Output
  /** What has failed, on stderr: with `--quiet` too, and not beside `--json`, whose object has it. */
  readonly errors: Output
  readonly progress: ProgressLine
  readonly signal: AbortSignal

  constructor(io: Io, flags: GlobalFlags) {
    this.io = io
    this.flags = flags
    this.json = flags.json === true
    const color = flags.color ?? true
    this.out = new Output(io.stdout, { color, json: this.json, env: io.env })
    this.talk = new Output(io.stderr, {
      color,
      json: this.json,
      quiet: flags.quiet === true || this.json,
      env: io.env
    })
    this.notes = new Output(io.stderr, { color, quiet: flags.quiet === true, env: io.env })
    this.errors = new Output(io.stderr, { color, quiet: this.json, env: io.env })
    this.progress = new ProgressLine(this.talk, this.notes)
    this.signal = io.signal
  }

  /** One JSON line of data. */
  emit(value: object): void {
    this.out.raw(`${safeJson(value)}\n`)
  }

  /** What to do next, after a success. */
  next(...commands: readonly string[]): void {
    const parts = commands.map(command => this.talk.style('bold', spelled(command, this.io.env)))
    this.talk.line(`Next: ${parts.join('     ')}`)
  }

  /** @throws ConfigError */
  load(input: ConfigInput = {}): Promise<LoadedConfig> {
    const { dataDir } = this.flags
    return loadConfig({
      env: this.io.env,
      ...(dataDir === undefined ? {} : { dataDir: this.path(dataDir) }),
      ...input
    })
  }

  /** @throws ProblemError  no node runs */
  async client(): Promise<Client> {
    const { config } = await this.load()
    return Client.connect(config.dataDir)
  }

  /** An absolute path, as seen from where the command was given. */
  path(given: string): string {
    return resolve(this.io.cwd, given)
  }
}

export const exitOf = (code: ProblemCode): number => MEANINGS[code].exit

/** Global flags, wherever they stood in the line: before the verb or after it. */
export function globalFlags(command: Command): GlobalFlags {
  return command.optsWithGlobals<GlobalFlags>()
}

/** What a verb does; it gives its exit code, nothing where all went well. */
export type Action = (
  context: Context,
  positional: string[],
  options: Record<string, unknown>
) => Promise<number | undefined>

/** Ties verbs to commander: `run.ts` makes it. */
export type Act = (action: Action) => (...given: unknown[]) => Promise<void>
