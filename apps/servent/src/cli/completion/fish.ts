/** For fish 3 and later: ~/.config/fish/completions/servent.fish. */
import { type FlagModel, type Model, plainText, type Value } from './index.ts'

export function fish({ verbs, flags }: Model): string {
  const names = verbs.map(verb => verb.name).join(' ')
  const lines = [
    '# fish completion for servent',
    'complete -c servent -f',
    ...flags.map(flag => `complete -c servent ${flagParts(flag)}`),
    ...verbs.map(
      verb =>
        `complete -c servent -n "not __fish_seen_subcommand_from ${names}" -a ${verb.name} -d '${plainText(verb.description)}'`
    )
  ]
  for (const verb of verbs) {
    const condition = `-n "__fish_seen_subcommand_from ${verb.name}"`
    for (const flag of verb.flags) lines.push(`complete -c servent ${condition} ${flagParts(flag)}`)
    const after = valueParts(verb.value)
    if (after !== '') lines.push(`complete -c servent ${condition} ${after}`)
  }
  return `${lines.join('\n')}\n`
}

function flagParts({ long, description, value }: FlagModel): string {
  const parts = [
    `-l ${long.slice(2)}`,
    value === undefined ? '' : '-r',
    valueParts(value),
    `-d '${plainText(description)}'`
  ]
  return parts.filter(part => part !== '').join(' ')
}

function valueParts(value: Value | undefined): string {
  if (value?.kind === 'path') return '-F'
  return value?.kind === 'words' ? `-a '${value.words.join(' ')}'` : ''
}
