/** What comes of the questions of `life-steps.ts` wherever a network does what it should, and what else an overlay says. */
import { type Answers, NAMES } from './life.ts'

export const words = (answer: string, ...names: readonly string[]) =>
  Object.fromEntries(names.map(name => [name, answer]))

const WITHOUT_C = ['a', 'b', 'd', 'e', 'f', 'g'] as const
const WITHOUT_F = ['a', 'b', 'd', 'e', 'g'] as const
const BACK = ['a', 'b', 'c', 'd', 'e', 'g'] as const
/** The sides of the partition. */
const SIDE = ['a', 'c', 'e'] as const
const OTHER_SIDE = ['b', 'd', 'f', 'g'] as const

const all = (answer: string) => words(answer, ...NAMES)
const sides = (side: string, other: string) => ({ ...words(side, ...SIDE), ...words(other, ...OTHER_SIDE) })

const NONE = ', 0 in all'

export const RIGHT_ANSWERS: Answers = {
  'who is the root of the value': all('the nearest'),
  put: { b: 'kept' },
  provide: { a: 'kept' },
  get: all('a value of b'),
  find: all('a, 1 in all'),
  'share two files': { a: kept(6) },
  'share another': { g: kept(3) },
  'search for one word': all('blue song of a,green song of a,red song of g, 3 in all'),
  'search for two words': all('green song of a, 1 in all'),
  'find by content': all('a, 1 in all'),
  'search for what nobody has': all(NONE),
  'take one back': { a: kept(3) },
  'search for the word of what is left': all('blue song of a,red song of g, 2 in all'),
  'search for what was taken back': all(NONE),
  'find what was taken back': all(NONE),
  'who is the root right after the crash': words('the nearest', ...WITHOUT_C),
  'get right after the crash': words('a value of b', ...WITHOUT_C),
  'who is the root once it is mended': words('the nearest', ...WITHOUT_C),
  'get once it is mended': words('a value of b', ...WITHOUT_C),
  'find right after the leave': words('a, 1 in all', ...WITHOUT_F),
  'who is the root of the provider': words('the nearest', ...WITHOUT_F),
  'find once it has left': words('a, 1 in all', ...WITHOUT_F),
  'who is the root of the value when it is back': words('the nearest', ...BACK),
  'get when it is back': words('a value of b', ...BACK),
  'get after churn': all('a value of b'),
  'find after churn': all('a, 1 in all'),
  'search after churn': all('blue song of a,red song of g, 2 in all'),
  'search for what was taken back after churn': all(NONE),
  'get on each side': all('a value of b'),
  'search on each side': all('blue song of a,red song of g, 2 in all'),
  'put on one side': { b: 'kept' },
  'put on the other side': { c: 'kept' },
  'take back on one side': { a: kept(3) },
  'share on the other side': { g: kept(3) },
  'get what each side has put': sides('a newer value of c', 'an older value of b'),
  'search for what each side has': sides(
    'red song of g, 1 in all',
    'blue song of a,grey song of g,red song of g, 3 in all'
  ),
  'who is the root of the value when all is healed': all('the nearest'),
  'get when all is healed': all('a newer value of c'),
  'find when all is healed': all('a, 1 in all'),
  'search when all is healed': all('grey song of g,red song of g, 2 in all'),
  'search for what one side took back': all(NONE)
}

function kept(records: number): string {
  return Array.from({ length: records }, () => 'kept').join()
}

/** What an overlay says otherwise than the others, or is not asked, and why. */
export interface Deviation {
  readonly because: string
  /** Nothing: it is not asked. */
  change(answers: Answers): Readonly<Record<string, Answers[string] | undefined>>
}

export function deviating(deviations: readonly Deviation[]): Answers {
  const changed: Record<string, Answers[string] | undefined> = { ...RIGHT_ANSWERS }
  for (const { change } of deviations) Object.assign(changed, change(changed as Answers))
  const asked = Object.entries(changed).flatMap(([what, told]) => (told === undefined ? [] : [[what, told]]))
  return Object.fromEntries(asked)
}

/** Of this list, whoever asks is not told what is its own. */
function withoutOwn(list: string, asker: string): string {
  if (!list.endsWith(' in all')) return list
  const records = list.slice(0, list.lastIndexOf(', ')).split(',').filter(Boolean)
  const others = records.filter(record => record !== asker && !record.endsWith(` of ${asker}`))
  return `${others.join()}, ${others.length} in all`
}

const FILES_STAY_WITH_WHO_SHARES: Deviation = {
  because: 'Records of files stay with who shares them: of whom is out of reach nobody else has them.',
  change: () => ({
    'search on each side': sides('blue song of a, 1 in all', 'red song of g, 1 in all'),
    'search for what each side has': sides(NONE, 'grey song of g,red song of g, 2 in all')
  })
}

export const KELIPS_DEVIATIONS: readonly Deviation[] = [
  FILES_STAY_WITH_WHO_SHARES,
  {
    because:
      'It answers a lookup from its view, which goes by gossip: who died a moment ago may be in it still.',
    change: () => ({ 'who is the root right after the crash': undefined })
  },
  {
    because: 'Tuples go round by gossip: one that was told to a peer that leaves need not be everywhere yet.',
    change: () => ({ 'find right after the leave': undefined })
  }
]

export const KADEMLIA_DEVIATIONS: readonly Deviation[] = [
  FILES_STAY_WITH_WHO_SHARES,
  {
    because: 'It has no message by which a provider is taken back: its holders name it until it expires.',
    change: ({ find }) => ({ 'find what was taken back': find })
  },
  {
    because: 'It asks for providers of others: nobody is told of itself.',
    change: answers =>
      Object.fromEntries(
        Object.entries(answers).map(([what, told]) => [
          what,
          Object.fromEntries(Object.entries(told).map(([asker, list]) => [asker, withoutOwn(list, asker)]))
        ])
      )
  }
]
