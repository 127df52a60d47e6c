/** `config`: the settings as they come out, and who set each: default, file, environment, flag. */
import { SETTINGS } from '@servent/node'
import type { Command } from 'commander'
import { tokenFile } from '../../api/secret.ts'
import { facts, table } from '../../terminal/table.ts'
import type { Act, Context } from '../context.ts'
import { addSettingFlags, settingFlags } from '../options.ts'
import { verb } from '../program.ts'

export function configVerb(program: Command, act: Act): void {
  const command = verb(program, 'config', 'Show settings, who set them, and where things are kept', [
    'servent config',
    'servent config --relay off',
    'SERVENT_MAX_CONNECTIONS=50 servent config --json'
  ])
  addSettingFlags(command)
  command.action(act(runConfig))
}

async function runConfig(
  context: Context,
  _: string[],
  options: Record<string, unknown>
): Promise<undefined> {
  const { config, configFile, sources, warnings } = await context.load(settingFlags(options))
  const settings = SETTINGS.map(({ key, path, variable, flag, description }) => ({
    key,
    value: path.reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], config),
    origin: originOf(sources.get(key)!),
    source: sources.get(key)!,
    variable,
    flag,
    description
  }))
  const paths = {
    configFile,
    dataDir: config.dataDir,
    stateDir: config.stateDir,
    downloadDir: config.downloadDir,
    tokenFile: tokenFile(config.dataDir)
  }
  if (context.json) {
    context.emit({ settings, paths, warnings })
    return
  }
  const { out, talk } = context
  for (const warning of warnings) talk.line(`${talk.style('yellow', 'note:')} ${warning}`)
  out.lines(
    table(
      [{ title: 'SETTING' }, { title: 'VALUE', shrinkTo: 16 }, { title: 'SET BY', shrinkTo: 8 }],
      settings.map(({ key, value, source }) => [key, shown(value), source]),
      out.columnsMax
    )
  )
  out.line()
  out.lines(
    facts([
      ['Config file', paths.configFile],
      ['Data', paths.dataDir],
      ['Log', paths.stateDir],
      ['Downloads', paths.downloadDir],
      ['API token', paths.tokenFile]
    ])
  )
  talk.line()
  talk.line('Later ones win: default, config file, environment (SERVENT_RELAY), flag (--relay).')
  context.next('servent start', 'servent config --json')
}

/** The kind of the source that the loader names in words. */
function originOf(source: string): 'default' | 'file' | 'env' | 'flag' {
  if (source === 'default') return 'default'
  if (source.startsWith('--')) return 'flag'
  return /^SERVENT_[A-Z0-9_]+$/.test(source) ? 'env' : 'file'
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? '(none)' : value.join(', ')
  return value === '' ? '(none)' : String(value)
}
