/** `completion`: prints a script that lets a shell complete verbs, flags, their values, and paths. */
import { Argument, type Command } from 'commander'
import { completionScript, SHELLS, type Shell } from '../completion/index.ts'
import type { Act, Context } from '../context.ts'
import { verb } from '../program.ts'

const SETUP: Readonly<Record<Shell, string>> = {
  bash: "echo 'source <(servent completion bash)' >> ~/.bashrc",
  zsh: 'servent completion zsh > ~/.zsh/completions/_servent',
  fish: 'servent completion fish > ~/.config/fish/completions/servent.fish',
  powershell: 'servent completion powershell >> $PROFILE'
}

export function completionVerb(program: Command, act: Act): void {
  verb(program, 'completion', 'Print a script that completes commands in your shell', Object.values(SETUP))
    .addArgument(new Argument('<SHELL>', 'Your shell').choices(SHELLS))
    .action(
      act(async (context: Context, [shell]) => {
        const script = completionScript(program, shell as Shell)
        if (context.json) context.emit({ shell, script })
        else {
          context.out.raw(script)
          // A shell that reads this at each start wants to hear nothing.
          if (context.out.live) context.talk.line(`To have it in every new shell: ${SETUP[shell as Shell]}`)
        }
        return undefined
      })
    )
}
