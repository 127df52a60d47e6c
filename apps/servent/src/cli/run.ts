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
  const { words, command, rest: beyond } = commandOf(program, argv)
  const verbs = command.commands.map(one => one.name())
  const [first] = beyond
  const help = ['servent', ...words, '--help'].join(' ')
  // `servent` alone has a page of its own, so commander takes a mistyped verb for its argument.
  if (error.code === 'commander.excessArguments' && first !== undefined && verbs.length > 0) {
    const near = nearest(first, verbs)
    return {
      code: 'usage',
      message: `There is no verb ${JSON.stringify([...words, first].join(' '))}.`,
      try: near === undefined ? help : `${['servent', ...words, near].join(' ')}, or ${help}`
    }
  }
  const [line = '', ...rest] = error.message.split('\n')
  const message = line.replace(/^error: /, '')
  const suggestion = /\(Did you mean (.+)\?\)/.exec(rest.join(' '))?.[1]
  return {
    code: 'usage',
    message: `${message.charAt(0).toUpperCase()}${message.slice(1)}${/[.?!]$/.test(message) ? '' : '.'}`,
    try: suggestion === undefined ? help : `did you mean ${suggestion}? ${help} lists what there is`
  }
}

/** The verb, and the verb within it where it has some, with the words after that are neither flags nor their values. */
function commandOf(
  program: Command,
  argv: readonly string[]
): { readonly words: string[]; readonly command: Command; readonly rest: string[] } {
  const words: string[] = []
  let command = program
  const valued = program.options.filter(option => option.required).map(option => option.long)
  const rest = argv.filter((word, index) => !word.startsWith('-') && !valued.includes(argv[index - 1]))
  for (let next = rest[0]; next !== undefined; next = rest[0]) {
    const within = command.commands.find(one => one.name() === next)
    if (within === undefined) break
    words.push(next)
    rest.shift()
    command = within
  }
  return { words, command, rest }
}
