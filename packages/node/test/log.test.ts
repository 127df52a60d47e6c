import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { componentLogger, formatMessage } from '../src/libp2p-log.ts'
import { openLog } from '../src/log.ts'
import { LOG_LINE_CHARACTERS_MAX, LOG_TEXT_CHARACTERS_MAX } from '../src/log-line.ts'

function recorder(level: 'info' | 'trace' = 'info') {
  const lines: string[] = []
  return { lines, ...openLog({ level, write: line => lines.push(line) }) }
}

describe('a hostile name cannot forge a line', () => {
  const names = {
    'a line feed and a record of its own': 'a\n{"level":50,"msg":"all is lost"}',
    'a carriage return': 'a\r{"level":50}',
    'terminal sequences': '\u001b[2J\u001b]0;owned\u0007\u009b2J',
    'line separators': 'a\u2028b\u2029c\u0085d',
    'a reversed suffix': 'song\u202Egpj.exe',
    'invisible characters': 'a\u200b\ufeff\u2060\u00adb',
    'quotes and backslashes': 'a","level":60,"b":"\\',
    'half a character': 'a\ud800b\udc00'
  }
  for (const [what, name] of Object.entries(names)) {
    test(what, () => {
      const { lines, logger } = recorder()
      logger.info({ name, [name]: 1 }, `Shared ${name}.`)
      logger.info(`Shared %s.`, name)
      logger.child({ name }).warn('child')
      expect(lines).toHaveLength(3)
      for (const line of lines) {
        expect(line.slice(0, -1)).toMatch(
          /^[^\u0000-\u001f\u007f-\u009f\u00ad\u2028-\u202e\u200b-\u200f\u2060-\u206f\ufeff]*$/
        )
        expect(line.endsWith('}\n')).toBe(true)
      }
      const record = JSON.parse(lines[0]!)
      expect([record.level, record.name]).toEqual([30, name])
    })
  }

  test('any text at all stays one record that says what it said', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), name => {
        const { lines, logger } = recorder()
        logger.info({ name }, name)
        expect(lines).toHaveLength(1)
        expect(lines[0]!.split(/[\n\r\u0085\u2028\u2029]/)).toHaveLength(2)
        expect(JSON.parse(lines[0]!)).toMatchObject({ name, msg: name })
      })
    )
  })
})

describe('a line is bounded', () => {
  test('at the limit as it is, one past it cut', () => {
    const { lines, logger } = recorder()
    logger.info({ name: '' }, 'x')
    const room = LOG_LINE_CHARACTERS_MAX - lines[0]!.length
    logger.info({ name: 'a'.repeat(room) }, 'x')
    logger.info({ name: 'a'.repeat(room + 1) }, 'x')
    expect(lines[1]).toHaveLength(LOG_LINE_CHARACTERS_MAX)
    expect(JSON.parse(lines[1]!).name).toHaveLength(room)
    const cut = JSON.parse(lines[2]!)
    expect(cut.name).toBe(`${'a'.repeat(LOG_TEXT_CHARACTERS_MAX)}…`)
    expect([cut.msg, cut.cut]).toEqual(['x', LOG_LINE_CHARACTERS_MAX + 1])
  })

  test('wide and deep records, too', () => {
    const { lines, logger } = recorder()
    let deep: object = { end: 'b'.repeat(10_000) }
    for (let depth = 0; depth < 100; depth++) deep = { deep }
    logger.info({ names: Array.from({ length: 10_000 }, () => 'n'.repeat(1000)), deep }, 'm'.repeat(9000))
    expect(lines[0]!.length).toBeLessThanOrEqual(LOG_LINE_CHARACTERS_MAX)
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: 30, msg: `${'m'.repeat(LOG_TEXT_CHARACTERS_MAX)}…` })
  })
})

describe('libp2p speaks through it', () => {
  test('by component and scope, with its placeholders', () => {
    const { lines, logger } = recorder('trace')
    const log = componentLogger(logger).forComponent('libp2p:tcp')
    log('dialing %a for %p, %d of %d', { toString: () => '/ip4/1.2.3.4' }, { toString: () => '12D3' }, 1, 2)
    log.newScope('listener').error('lost %s - %e', 'it', new Error('reset\nby peer'))
    log.trace('100%% of %s', 'a', 'and more')
    expect(lines.map(line => JSON.parse(line))).toMatchObject([
      { level: 20, component: 'libp2p:tcp', msg: 'dialing /ip4/1.2.3.4 for 12D3, 1 of 2' },
      {
        level: 20,
        component: 'libp2p:tcp:listener',
        msg: 'lost it - Error: reset\nby peer',
        error: { name: 'Error' }
      },
      { level: 10, msg: '100% of a and more' }
    ])
  })

  test('everyday errors of libp2p stay below what users see; ours do not', () => {
    const { lines, logger } = recorder()
    const log = componentLogger(logger)
    log.forComponent('libp2p:tcp').error('reset')
    log.forComponent('servent:gnutella').error('the machine failed')
    expect(log.forComponent('libp2p:tcp').enabled).toBe(false)
    expect(lines.map(line => JSON.parse(line))).toMatchObject([{ level: 40, component: 'servent:gnutella' }])
  })

  test('whatever it is given', () => {
    const loop: Record<string, unknown> = {}
    loop.loop = loop
    expect(formatMessage('%o %o %b', [loop, null, Uint8Array.of(1, 255)])).toBe('[object Object] null 01ff')
    expect(formatMessage('%s %s', ['one'])).toBe('one %s')
    expect(formatMessage(new Error('e'), [])).toBe('Error: e')
  })
})

test('in the background it is a file for the user alone', async () => {
  const folder = join(await mkdtemp(join(tmpdir(), 'servent-log-')), 'log')
  const log = openLog({ level: 'info', folder })
  log.logger.info('one')
  log.close()
  expect(log.file).toBe(join(folder, 'servent.log'))
  expect(JSON.parse(await readFile(log.file!, 'utf8'))).toMatchObject({ level: 30, msg: 'one' })
  expect((await stat(log.file!)).mode & 0o777).toBe(0o600)
})

test.runIf(process.platform === 'linux')('one in a folder that cannot be made is refused, and soon', () => {
  expect(() => openLog({ level: 'info', folder: '/proc/none/log' })).toThrow('ENOENT')
})

test('a file that has grown moves aside, once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'servent-log-'))
  const log = openLog({ level: 'info', folder, fileBytesMax: 200 })
  for (let number = 1; number <= 9; number++) log.logger.info(`record ${number}`)
  log.close()
  const messages = async (name: string) =>
    (await readFile(join(folder, name), 'utf8'))
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).msg)
  expect(await messages('servent.log.1')).toEqual(['record 5', 'record 6', 'record 7', 'record 8'])
  expect(await messages('servent.log')).toEqual(['record 9'])
})

describe('a disk that takes no lines', () => {
  test.runIf(existsSync('/dev/full'))('drops them, and the log says how many once it can', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'servent-log-'))
    const path = join(folder, 'servent.log')
    await symlink('/dev/full', path)
    const log = openLog({ level: 'info', folder })
    log.logger.warn('one')
    log.logger.warn('two')
    await rm(path)
    log.logger.warn('three')
    log.logger.warn('four')
    log.close()
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
    expect(lines.map(line => JSON.parse(line))).toMatchObject([
      { level: 40, msg: expect.stringMatching(/^the log lost 2 lines: ENOSPC/) },
      { level: 40, msg: 'three' },
      { level: 40, msg: 'four' }
    ])
  })

  test('nor a file that cannot be moved aside', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'servent-log-'))
    await mkdir(join(folder, 'servent.log.1'))
    const log = openLog({ level: 'info', folder, fileBytesMax: 1 })
    for (const name of ['one', 'two', 'three']) log.logger.info(name)
    log.close()
    expect((await readFile(join(folder, 'servent.log'), 'utf8')).trimEnd().split('\n')).toHaveLength(3)
  })
})
