/** For bash 3.2 (macOS) and later; needs no bash-completion package. */
import type { Model, Value } from './index.ts'

export function bash({ verbs, flags }: Model): string {
  const globalWords = flags.map(flag => flag.long).join(' ')
  const verbCases = verbs.map(
    verb =>
      `    ${verb.name}) flags="${[...verb.flags.map(flag => flag.long)].join(' ')} $flags"; ${wordsOf(verb.value)} ;;`
  )
  const valueCases = new Map<string, string>()
  for (const flag of [...flags, ...verbs.flatMap(verb => verb.flags)]) {
    if (flag.value !== undefined)
      valueCases.set(flag.long, `    ${flag.long}) ${wordsOf(flag.value)}; _servent_reply; return ;;`)
  }
  const valued = [...valueCases.keys()].join('|')
  return `# bash completion for servent: source it, or put it into ~/.local/share/bash-completion/completions/servent
_servent_reply() {
  # Without words, bash completes paths itself, unless it is told that a plain text comes here.
  if [ "$kind" = path ]; then
    COMPREPLY=()
  else
    compopt +o default +o bashdefault 2>/dev/null
    COMPREPLY=( $(compgen -W "$words" -- "$current") )
  fi
}

_servent() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local flags="${globalWords}" words="" kind="" verb="" index word
  COMPREPLY=()
  for (( index = 1; index < COMP_CWORD; index++ )); do
    word="\${COMP_WORDS[index]}"
    case "$word" in
    ${valued}) (( index++ )) ;;
    -*) ;;
    *) verb="$word"; break ;;
    esac
  done
  case "$previous" in
${[...valueCases.values()].join('\n')}
  esac
  case "$verb" in
    "") words="${verbs.map(verb => verb.name).join(' ')}" ;;
${verbCases.join('\n')}
  esac
  case "$current" in
    -*) words="$flags"; kind="" ;;
  esac
  _servent_reply
}

complete -o bashdefault -o default -F _servent servent
`
}

function wordsOf(value: Value | undefined): string {
  if (value?.kind === 'path') return 'kind=path'
  return value?.kind === 'words' ? `words="${value.words.join(' ')}"` : 'words=""'
}
