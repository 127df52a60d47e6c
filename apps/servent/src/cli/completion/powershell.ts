/** For PowerShell 5 and later: the script goes into $PROFILE. */
import type { Model } from './index.ts'

const quoted = (words: readonly string[]) => `@(${words.map(word => `'${word}'`).join(', ')})`

export function powershell({ verbs, flags }: Model): string {
  const global = flags.map(flag => flag.long)
  const values = new Map<string, readonly string[]>()
  for (const { long, value } of [...flags, ...verbs.flatMap(verb => verb.flags)]) {
    if (value?.kind === 'words') values.set(long, value.words)
  }
  const entries = verbs.map(
    verb => `    '${verb.name}' = ${quoted([...verb.flags.map(flag => flag.long), ...global])}`
  )
  const words = verbs.flatMap(verb =>
    verb.value?.kind === 'words' ? [`    '${verb.name}' = ${quoted(verb.value.words)}`] : []
  )
  return `# PowerShell completion for servent
Register-ArgumentCompleter -Native -CommandName servent -ScriptBlock {
  param($current, $ast, $position)
  $flags = @{
${entries.join('\n')}
  }
  $words = @{
${words.join('\n')}
  }
  $values = @{
${[...values].map(([flag, choices]) => `    '${flag}' = ${quoted(choices)}`).join('\n')}
  }
  $before = @($ast.CommandElements | Where-Object { $_.Extent.EndOffset -lt $position } | ForEach-Object { $_.ToString() })
  $verb = $before | Select-Object -Skip 1 | Where-Object { $flags.ContainsKey($_) } | Select-Object -First 1
  $found = if ($before.Count -gt 1 -and $values.ContainsKey($before[-1])) { $values[$before[-1]] }
    elseif ($null -eq $verb) { @($flags.Keys) + ${quoted(global)} }
    elseif ($current -notlike '-*' -and $words.ContainsKey($verb)) { $words[$verb] }
    elseif ($current -like '-*') { $flags[$verb] }
    else { @() }
  $found | Where-Object { $_ -like "$current*" } | Sort-Object | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`
}
