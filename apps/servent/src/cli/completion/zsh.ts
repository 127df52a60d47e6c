/** For zsh's own completion system: put it into a folder of $fpath as _servent, or source it after compinit. */
import { type FlagModel, type Model, plainText, type Value } from './index.ts'

export function zsh({ verbs, flags }: Model): string {
  const cases = verbs.map(verb => {
    const specs = [...verb.flags, ...flags].map(flagSpec)
    const rest = verb.value === undefined ? [] : [`'*:${verb.name}:${action(verb.value)}'`]
    return `    (${verb.name}) _arguments ${[...specs, ...rest].join(' ')} ;;`
  })
  return `#compdef servent
# zsh completion for servent
_servent() {
  local -a verbs
  local state line
  verbs=(
${verbs.map(verb => `    '${verb.name}:${plainText(verb.description)}'`).join('\n')}
  )
  _arguments -C ${flags.map(flagSpec).join(' ')} '1: :->verb' '*:: :->rest'
  case $state in
  (verb) _describe -t verbs 'verb' verbs ;;
  (rest)
    case $line[1] in
${cases.join('\n')}
    esac ;;
  esac
}

if [ "$funcstack[1]" = _servent ]; then _servent "$@"; else compdef _servent servent; fi
`
}

function flagSpec({ long, description, value, repeatable }: FlagModel): string {
  const text = `${repeatable ? '*' : ''}${long}[${plainText(description)}]`
  return value === undefined ? `'${text}'` : `'${text}:value:${action(value)}'`
}

function action(value: Value): string {
  if (value.kind === 'path') return '_files'
  return value.kind === 'words' ? `(${value.words.join(' ')})` : ' '
}
