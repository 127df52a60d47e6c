/** How this user calls the program, so that a command that is shown can be typed as it stands. */

/**
 * The command as it is, or with `npx` before it: who started this through npm or npx in a clone has no
 * `servent` on the path.
 */
export function spelled(command: string, env: Readonly<Record<string, string | undefined>>): string {
  const throughNpm = env.npm_command !== undefined
  return throughNpm && /^servent(?: |$)/.test(command) ? `npx ${command}` : command
}
