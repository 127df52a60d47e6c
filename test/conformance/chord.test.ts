/** What of the life in `structured.test.ts` is Chord's alone: its ways of lookup, what its logs show, and what tells of a ring that is broken. */
import { expect, test } from 'vitest'
import { WRONG_ROOTS } from '../../packages/chord/test/mutants/wrong-roots.ts'
import { NAMES } from './life.ts'
import { chordLife as overlay } from './life-overlays.ts'
import { onFakes, onSimulator, whereTheyPart } from './life-virtual.ts'
import { words } from './right-answers.ts'

test.each(['semi-recursive', 'recursive', 'iterative'] as const)(
  'with %s lookups each node has the same log on fakes as in the simulator',
  async style => {
    const init = { overlay, seed: `conformance ${style}`, settingsOf: () => ({ style }) }
    const [fakes, simulated] = [await onFakes(init), await onSimulator(init)]
    expect(whereTheyPart(fakes, simulated)).toEqual([])
    expect([simulated.tables, simulated.answers]).toEqual([fakes.tables, fakes.answers])
    for (const name of NAMES) expect(fakes.logs[name]!.length).toBeGreaterThan(1_000)
  },
  120_000
)

test('logs show every kind of input and effect that Chord has to do with', async () => {
  const { logs } = await onSimulator({ overlay, seed: 'conformance' })
  const all = NAMES.flatMap(name => logs[name]!).join('\n')
  for (const input of ['start', 'stop', 'command', 'timer', 'answer'])
    expect(all).toMatch(new RegExp(`type: "${input}"}|^\\d+ ${input} `, 'm'))
  for (const line of ['contact', 'link-up', 'link-down', 'unreachable', 'message'])
    expect(all).toMatch(new RegExp(`^\\d+ ${line} [a-g]`, 'm'))
  for (const effect of ['open', 'close', 'send', 'set', 'cancel', 'ask', 'save', 'notify'])
    expect(all).toContain(`\n  -> ${effect} `)
})

test('one node whose setting differs by a millisecond has another log', async () => {
  const seed = 'conformance'
  const off = { overlay, seed, settingsOf: (name: string) => (name === 'e' ? { stabiliseMs: 501 } : {}) }
  const parted = whereTheyPart(await onFakes({ overlay, seed }), await onSimulator(off))
  expect(parted.find(line => line.startsWith('e'))).toMatch(
    /^e, line \d+: {3}-> set stabilise-0 \d+ \/ {3}-> set/
  )
})

test('a ring whose peers keep no copies loses the value in the crash, and does not pass for one that does', async () => {
  const { answers } = await onSimulator({ overlay, seed: 'conformance', settingsOf: () => ({ replicas: 1 }) })
  expect(answers['get once it is mended']).toEqual(words('no value', 'a', 'b', 'd', 'e', 'f', 'g'))
})

test('a machine that claims the keys of its successor gives other answers', async () => {
  const { answers } = await onSimulator({ overlay, seed: 'conformance', rules: WRONG_ROOTS })
  expect(Object.values(answers['who is the root of the value']!)).not.toEqual(NAMES.map(() => 'the nearest'))
})
