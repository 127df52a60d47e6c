/** Completion scripts, the one for bash pressed by a real bash. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runLine } from './fixture.ts'

/** How each shell reads a script without running it. */
const CHECKS: Readonly<Record<string, readonly string[]>> = {
  zsh: ['zsh', '-n'],
  fish: ['fish', '--no-execute'],
  powershell: ['pwsh', '-NoProfile', '-File']
}

let folder: string
let script: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'servent-completion-'))
  script = (await runLine('completion bash')).out
  await writeFile(join(folder, 'servent.bash'), script)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** What bash offers when TAB is pressed at the end of the line. */
function press(line: string): string[] {
  const words = line.split(' ')
  const asked = `
    source ${folder}/servent.bash
    COMP_WORDS=(${words.map(word => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
    COMP_LINE='${line}'; COMP_POINT=${line.length}
    _servent
    printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['--norc', '-c', asked], { encoding: 'utf8' })
    .split('\n')
    .filter(text => text !== '')
}

describe('bash', () => {
  it('completes verbs', () => {
    expect(press('servent st')).toEqual(['start', 'stop', 'status'])
    expect(press('servent ')).toContain('search')
    expect(press('servent --data-dir /tmp/x sea')).toEqual(['search'])
  })

  it('completes flags of the verb and of all verbs', () => {
    expect(press('servent search --m')).toEqual(['--min-size', '--max-size', '--min-link-speed'])
    expect(press('servent start --fo')).toEqual(['--foreground'])
    expect(press('servent --js')).toEqual(['--json'])
    expect(press('servent search banjo --js')).toEqual(['--json'])
  })

  it('completes values that are known', () => {
    expect(press('servent start --relay ')).toEqual(['off', 'use', 'serve'])
    expect(press('servent completion f')).toEqual(['fish'])
    expect(press('servent hotlist ')).toEqual(['add', 'remove'])
    expect(press('servent help sta')).toEqual(['start', 'status'])
  })

  it('leaves paths to bash, and offers nothing where it knows nothing', () => {
    for (const line of [
      'servent share ',
      'servent get 1 --output ',
      'servent search ',
      'servent search --ttl '
    ])
      expect(press(line), line).toEqual([])
  })

  it('never runs what stands in the line', () => {
    press(`servent share $(touch\${IFS}${folder}/owned)`)
    expect(() => execFileSync('ls', [join(folder, 'owned')], { stdio: 'pipe' })).toThrow()
  })

  it('can be sourced twice', () => {
    const twice = `set -eu; source ${folder}/servent.bash; source ${folder}/servent.bash; complete -p servent`
    expect(execFileSync('bash', ['--norc', '-c', twice], { encoding: 'utf8' })).toContain(
      '-F _servent servent'
    )
  })

  it('keeps the flags that are for itself to itself', () => {
    expect(script).not.toContain('report-to-parent')
  })
})

describe.each(['zsh', 'fish', 'powershell'])('%s', shell => {
  it('names every verb and flag', async () => {
    const { out, code } = await runLine(`completion ${shell}`)
    expect(code).toBe(0)
    for (const word of [
      'search',
      'unshare',
      'browse',
      'whois',
      'hotlist',
      'overlay',
      'completion',
      'max-upload-rate',
      'min-size',
      'data-dir',
      'no-inbound'
    ])
      expect(out).toContain(word)
  })

  it('closes what it opens, and is what the shell takes where that is installed', async () => {
    const { out } = await runLine(`completion ${shell}`)
    for (const line of out.split('\n').filter(text => !text.startsWith('#'))) {
      for (const quote of ["'", '"']) {
        const count = line.split(quote).length - 1
        expect(count % 2, `${quote} in ${line}`).toBe(0)
      }
    }
    for (const [opening, closing] of ['()', '{}', '[]']) {
      expect(out.split(opening!).length, `${opening}${closing}`).toBe(out.split(closing!).length)
    }
    const [command, ...given] = CHECKS[shell]!
    const file = join(folder, `servent-${shell}.ps1`)
    await writeFile(file, out)
    const { status, error, stderr } = spawnSync(command!, [...given, file], { encoding: 'utf8' })
    if (error === undefined) expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    else expect((error as NodeJS.ErrnoException).code).toBe('ENOENT')
  })
})

it('gives the script in JSON, too', async () => {
  expect((await runLine('completion bash --json')).json).toEqual([{ shell: 'bash', script }])
})
