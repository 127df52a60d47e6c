/** The tree of verbs and flags. Help, completions and the checks of a command line are read from it. */
import { Command, Option } from 'commander'
import { VERSION } from '../version.ts'
import type { Act, Io } from './context.ts'
import { completionVerb } from './verbs/completion.ts'
import { configVerb } from './verbs/config.ts'
import { doctorVerb } from './verbs/doctor.ts'
import { getVerb } from './verbs/get.ts'
import { introducerVerb } from './verbs/introducer.ts'
import { labVerbs } from './verbs/lab.ts'
import { libraryVerbs } from './verbs/library.ts'
import { networkVerbs } from './verbs/network.ts'
import { peopleVerbs } from './verbs/people.ts'
import { searchVerb } from './verbs/search.ts'
import { shareVerbs } from './verbs/share.ts'
import { startVerb } from './verbs/start.ts'
import { statusVerbs } from './verbs/status.ts'
import { transferVerbs } from './verbs/transfers.ts'
import { valueVerbs } from './verbs/values.ts'
import { wishVerbs } from './verbs/wishes.ts'

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing found, 4 timed out or partial, 5 no node running,
6 not allowed, 7 verification failed, 8 a gate of a comparison came true, 9 fingerprint drift, 130 interrupted:
a download and lab run go on where they were, lab compare begins anew.

Documentation of the local API: GET /openapi.json of a running node.
`

export function makeProgram(act: Act, io: Io): Command {
  const program = new Command('servent')
  program
    .description('Find and share files with peers, over every classic overlay.')
    .version(VERSION, '--version', 'Print the version')
    .helpOption('-h, --help', 'Show help')
    .addOption(new Option('--data-dir <DIR>', 'Data folder of the node: several nodes have several folders'))
    .addOption(new Option('--json', 'Print JSON: one object, or an object a line'))
    .addOption(new Option('--quiet', 'Print data and errors, and nothing else'))
    .addOption(new Option('--no-color', 'Print without colours (so does NO_COLOR)'))
    .showSuggestionAfterError()
    .allowExcessArguments(false)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: text => void io.stdout.write(text),
      // Mistakes are reported by `run`, once and in the form that was asked for.
      writeErr: () => {},
      outputError: () => {},
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getOutHasColors: () => false
    })
    .addHelpText('after', context => (context.command === program ? EXIT_CODES : ''))

  program.commandsGroup('The node:')
  startVerb(program, act)
  statusVerbs(program, act)
  program.commandsGroup('What you share:')
  shareVerbs(program, act)
  libraryVerbs(program, act)
  program.commandsGroup('Find and fetch:')
  searchVerb(program, act)
  getVerb(program, act)
  transferVerbs(program, act)
  wishVerbs(program, act)
  program.commandsGroup('People:')
  peopleVerbs(program, act)
  program.commandsGroup('Keep values:')
  valueVerbs(program, act)
  program.commandsGroup('Look inside:')
  networkVerbs(program, act)
  doctorVerb(program, act)
  configVerb(program, act)
  completionVerb(program, act)
  program.commandsGroup('Bring peers together:')
  introducerVerb(program, act)
  program.commandsGroup('Compare overlays:')
  labVerbs(program, act)
  program.helpCommand('help [verb]', 'Show help for a verb')
  return program
}

/** A verb with its examples, which help shows first. */
export function verb(program: Command, usage: string, summary: string, examples: readonly string[]): Command {
  const command = program.command(usage).description(summary).allowExcessArguments(false)
  command.addHelpText('after', `\nExamples:\n${examples.map(example => `  ${example}`).join('\n')}\n`)
  return command
}
