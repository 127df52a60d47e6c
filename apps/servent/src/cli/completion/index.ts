/**
 * Completion scripts, written from the tree of verbs. They hold all they need: pressing TAB starts no
 * program, and nothing of the line is ever evaluated.
 */
import type { Command, Option } from 'commander'
import { bash } from './bash.ts'
import { fish } from './fish.ts'
import { powershell } from './powershell.ts'
import { zsh } from './zsh.ts'

export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const
export type Shell = (typeof SHELLS)[number]

/** What follows a verb or a flag. */
export type Value =
  | { readonly kind: 'path' | 'text' }
  | { readonly kind: 'words'; readonly words: readonly string[] }

export interface FlagModel {
  readonly long: string
  readonly description: string
  /** Nothing where the flag takes no value. */
  readonly value?: Value
  readonly repeatable: boolean
}

export interface VerbModel {
  readonly name: string
  readonly description: string
  readonly flags: readonly FlagModel[]
  /** Of its arguments; nothing where it takes none. */
  readonly value?: Value
}

export interface Model {
  readonly verbs: readonly VerbModel[]
  /** Taken before and after every verb. */
  readonly flags: readonly FlagModel[]
}

/** Names of arguments and values that stand for paths. */
const PATHS = new Set(['PATH', 'FILE', 'DIR'])

export function completionScript(program: Command, shell: Shell): string {
  const model = modelOf(program)
  return { bash, zsh, fish, powershell }[shell](model)
}

function modelOf(program: Command): Model {
  const help = program.createHelp()
  const verbs = help.visibleCommands(program).map(command => {
    const [argument] = command.registeredArguments
    // A verb with verbs of its own, as `lab`: their names complete it, and the flags of all of them.
    const inner = command.commands
    // The one verb that commander adds itself takes any other.
    const words = command.name() === 'help' ? program.commands.map(one => one.name()) : argument?.argChoices
    const flags = [command, ...inner].flatMap(one => help.visibleOptions(one).flatMap(flagModel))
    return {
      name: command.name(),
      description: command.description(),
      flags: [...new Map(flags.map(flag => [flag.long, flag])).values()],
      ...(inner.length > 0 ? { value: { kind: 'words', words: inner.map(one => one.name()) } as const } : {}),
      ...(argument === undefined ? {} : { value: valueModel(argument.name(), words) })
    }
  })
  return { verbs, flags: help.visibleOptions(program).flatMap(flagModel) }
}

function flagModel(option: Option): FlagModel[] {
  const { long, description, flags } = option
  if (long === undefined || long === null) return []
  const placeholder = /<([^>]+)>/.exec(flags)?.[1]
  return [
    {
      long,
      description,
      repeatable: option.parseArg?.name === 'collect' || option.parseArg?.name === 'list',
      ...(placeholder === undefined ? {} : { value: valueModel(placeholder, option.argChoices) })
    }
  ]
}

function valueModel(placeholder: string, words: readonly string[] | undefined): Value {
  if (words !== undefined) return { kind: 'words', words }
  return { kind: PATHS.has(placeholder) ? 'path' : 'text' }
}

/** The first sentence of a description, without what shells would read as their own. */
export function plainText(description: string): string {
  return description
    .replaceAll(/['"`$\\[\]:]/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
