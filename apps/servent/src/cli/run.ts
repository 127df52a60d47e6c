/** Runs one command line and gives its exit code. */

import { nearest } from '@servent/node'
import { type Command, CommanderError } from 'commander'
import { type Problem, problemOf } from '../problem.ts'
import { type Act, Context, globalFlags, type Io } from './context.ts'
import { makeProgram } from './program.ts'
import { report } from './report.ts'
import { startPage } from './start-page.ts'

const INTERRUPTED: Problem = { code: 'interrupted', message: 'Interrupted.', try: 'the same command again' }

/** @param argv  without the program's own name */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let code = 0
  // A mistake in the line is reported as the line asked for, before commander has understood it.
  const plain = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : undefined)
  const json = plain.includes('--json')
  const color = !plain.includes('--no-color')

  const act: Act =
    action =>
    async (...given) => {
      const command = given.at(-1) as Command
      const context = new Context(io, globalFlags(command))
      const positional = given
        .slice(0, -2)
        .flat()
        .filter(value => value !== undefined) as string[]
      try {
        code = (await action(context, positional, given.at(-2) as Record<string, unknown>)) ?? 0
      } finally {
        context.progress.clear()
      }
    }
  const program = makeProgram(act, io)
  program.action(act(startPage))
  try {
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0
      return report(usageProblem(error, program, argv), io, { json, color })
    }
    const interrupted = io.signal.aborted && (error as Error).name === 'AbortError'
    return report(interrupted ? INTERRUPTED : problemOf(error), io, { json, color })
  }
}

/** Commander's sentence, parted into what is wrong and what to try. */
function usageProblem(error: CommanderError, program: Command, argv: readonly string[]): Problem {
  const verbs = program.commands.map(command => command.name())
  const first = firstWord(program, argv)
  const verb = verbs.find(name => name === first)
  // `servent` alone has a page of its own, so commander takes a mistyped verb for its argument.
  if (error.code === 'commander.excessArguments' && first !== undefined && verb === undefined) {
    const near = nearest(first, verbs)
    return {
      code: 'usage',
      message: `There is no verb ${JSON.stringify(first)}.`,
      try: near === undefined ? 'servent --help' : `servent ${near}, or servent --help`
    }
  }
  const [line = '', ...rest] = error.message.split('\n')
  const message = line.replace(/^error: /, '')
  const suggestion = /\(Did you mean (.+)\?\)/.exec(rest.join(' '))?.[1]
  const help = verb === undefined ? 'servent --help' : `servent ${verb} --help`
  return {
    code: 'usage',
    message: `${message.charAt(0).toUpperCase()}${message.slice(1)}${/[.?!]$/.test(message) ? '' : '.'}`,
    try: suggestion === undefined ? help : `did you mean ${suggestion}? ${help} lists what there is`
  }
}

/** The word that stands where the verb does: the first that is no flag, nor a global flag's value. */
function firstWord(program: Command, argv: readonly string[]): string | undefined {
  const valued = program.options.filter(option => option.required).map(option => option.long)
  return argv.find((word, index) => !word.startsWith('-') && !valued.includes(argv[index - 1]))
}
