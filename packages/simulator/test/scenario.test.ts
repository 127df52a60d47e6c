/** The language of scenarios: each step does what it says, and what does not come true is an error with its line. */
import { describe, expect, it } from 'vitest'
import { toyWorld } from '../../../test/conformance/toy-scenarios.ts'
import { runScenario } from '../src/scenario/index.ts'

const run = (text: string, world = toyWorld) => runScenario(text, world)
const line = (...steps: string[]) =>
  ['start a b c', 'contact a b', 'contact b c', 'after 500ms', ...steps].join('\n')

describe('a scenario', () => {
  it('gives steps and remarks back as they stand, with what was told below', () => {
    const text = line('# a remark', '', 'a> call 1   # inline', 'after 200ms')
    expect(run(text)).toBe(`${text}\n      0.551 a: heard "I am node 1" from 1 hops away\n`)
  })

  it('forgets what an earlier run told', () => {
    const text = line('a> call 1', '      9.999 a: something old', 'after 200ms', '    a {"old":true}')
    expect(run(run(text))).toBe(run(text))
    expect(run(text)).not.toContain('old')
  })

  it.each<[string, string[]]>([
    ['link', ['start d', 'link c d', 'expect c has 2 links']],
    ['start via', ['start d via c', 'after 500ms', 'expect d has 1 link']],
    ['stop', ['stop c', 'after 100ms', 'expect down c', 'expect b has 1 link']],
    ['crash of two', ['crash b c', 'after 100ms', 'expect down b c', 'expect up a', 'expect a has 0 links']],
    ['silence', ['silence c', 'after 1s', 'expect down c', 'expect b has 2 links']],
    [
      'pause and resume',
      [
        'pause b',
        'a> call 1',
        'after 1s',
        'expect no a: heard',
        'expect up b',
        'resume b',
        'after 1s',
        'expect up b'
      ]
    ],
    ['revive', ['after 3s', 'crash c', 'revive c', 'after 100ms', 'expect up c', 'show c']],
    [
      'partition, who is not named',
      ['partition a', 'a> call 2', 'b> call 2', 'after 1s', 'expect b: node 2', 'expect no b: node 0']
    ],
    ['heal', ['partition a', 'heal', 'a> call 2', 'after 1s', 'expect a: node 2']]
  ])('knows %s', (_, steps) => {
    run(line(...steps))
  })

  it('revives with what was saved, or without', () => {
    const beats = (step: string) =>
      /"beats":(\d+)/.exec(run(line('after 3s', 'crash c', step, 'show c')))?.[1]
    expect(Number(beats('revive c'))).toBeGreaterThan(1)
    expect(beats('revive c without saved')).toBe('0')
  })

  it('moves clocks', () => {
    const shown: number[] = []
    const world = toyWorld
    const clocks: typeof world = {
      ...world,
      create: parts =>
        world.create({
          ...parts,
          watch: (machine, node) => {
            const watched = parts.watch(machine, node)
            return {
              handle: (input, effects) => {
                if (input.type === 'command') shown.push(effects.nowMs(), effects.wallMs())
                watched.handle(input, effects)
              },
              heldPeers: hold => watched.heldPeers(hold),
              snapshot: () => watched.snapshot()
            }
          }
        })
    }
    run(
      'start a b\na> call 0\nb> call 0\nskew a 1000ppm\njump b -1h\nafter 10s\na> call 0\nb> call 0',
      clocks
    )
    const [aMs, , , bWallMs, aSkewedMs, , bMs, bJumpedMs] = shown
    expect(aSkewedMs! - aMs!).toBe(10_010)
    expect([bMs, bJumpedMs! - bWallMs!]).toEqual([10_000, 10_000 - 3_600_000])
  })

  it('tells messages where it is asked to, from whom they come', () => {
    const told = run(line('messages on', 'a> call 1', 'after 60ms', 'messages off', 'after 1s'))
    expect(told).toContain('      0.525 b < a: call, ttl 1\n      0.551 a < b: echo "I am node 1"\n')
    expect(told).not.toContain('beat')
    const { message: _, ...plain } = toyWorld
    expect(run(line('messages on', 'a> call 1', 'after 60ms'), plain)).toContain('b < a: call\n')
  })

  it('names nodes by contacts and handles', () => {
    const world: typeof toyWorld = {
      ...toyWorld,
      notice: (_, names, node) =>
        `${names.ofPeer(node, 0)} ${names.ofPeer(node, 2)} ${names.ofContact({ id: Uint8Array.of(1), addresses: [] })}`
    }
    expect(run(line('a> call 1', 'after 1s'), world)).toContain('a: a b a stranger\n')
  })

  it('shows tables in the words of its overlay', () => {
    const world = { ...toyWorld, show: ({ links }: { links: number }) => [`has ${links}`, 'links'] }
    expect(run(line('show a b'), world)).toContain(
      'show a b\n    a has 1\n    a links\n    b has 2\n    b links\n'
    )
  })
})

describe('errors name their line', () => {
  it.each<[string, number, string]>([
    ['dance a', 1, '"dance a" is no step'],
    ['start', 1, '"start" is no step'],
    ['start a\nstart a', 2, 'a was started already'],
    ['start a\n\ncrash b', 3, 'Nobody named b was started'],
    ['start a\ncontact a b', 2, 'Nobody named b'],
    ['start a via b', 1, 'Nobody named b'],
    ['start a\na> sing', 2, '"sing" is no command'],
    ['after 5', 1, '"5" is no time'],
    ['start a\njump a 5x', 2, '"5x" is no time'],
    ['start a\nskew a fast', 2, 'is no step'],
    ['start a\nexpect a: hello', 2, 'a told nothing like "hello"'],
    ['start a\nexpect down a', 2, 'a: not down'],
    ['start a b\ncrash b\nexpect up a b', 3, 'b: not up'],
    ['start a\nexpect a has 3 links', 2, 'a has 0 links'],
    ['start a\ncrash a\ncrash a', 3, 'does not run'],
    ['start a\nexpect rain', 2, 'Nobody knows what "rain" means']
  ])('%j', (text, at, message) => {
    expect(() => run(text)).toThrow(expect.objectContaining({ name: 'ScenarioError', line: at }))
    expect(() => run(text)).toThrow(`Line ${at}: `)
    expect(() => run(text)).toThrow(message)
  })

  it('what was told and should not have been', () => {
    const text = line('a> call 1', 'after 1s', 'expect no a: node 1')
    expect(() => run(text)).toThrow('Line 7: a told "node 1", but\na: heard "I am node 1"')
  })

  it('only what was told since the last step that did something counts', () => {
    const steps = ['a> call 1', 'after 1s', 'expect a: node 1', 'expect a: node 1']
    run(line(...steps))
    expect(() => run(line(...steps, 'heal', 'expect a: node 1'))).toThrow('told nothing like')
    // Another node's word is not a's, and a name is no word.
    expect(() => run(line('a> call 1', 'after 1s', 'expect b: node 1'))).toThrow('b told nothing like')
    expect(() => run(line('a> call 1', 'after 1s', 'expect a: a:'))).toThrow('a told nothing like')
  })

  it('an overlay without expectations knows none', () => {
    const { expect: _, ...world } = toyWorld
    expect(() => run('start a\nexpect a has 0 links', world)).toThrow('Nobody knows what')
  })
})
