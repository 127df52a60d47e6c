/** Why files that a peer shares are not in its supernode's index, in words for its user. */
import { INDEX_BYTES_MAX, USER_BYTES_MAX, USER_FILES_MAX, USER_WORDS_MAX } from './constants.ts'
import { REFUSALS, type Refusal } from './messages.ts'

const MIB = 1024 * 1024

const WORDS: Readonly<Record<Refusal, string>> = {
  other: 'the supernode did not say why',
  unsound: 'their records could not be verified there: a clock may be wrong',
  files: `a supernode takes ${USER_FILES_MAX.toLocaleString('en')} files of one peer`,
  bytes: `a supernode takes ${USER_BYTES_MAX / MIB} MiB of records of one peer`,
  words: `a supernode takes ${USER_WORDS_MAX.toLocaleString('en')} words of one peer`,
  index: `the supernode has the ${INDEX_BYTES_MAX / MIB} MiB of records that it keeps`
}

/** `12: a supernode takes …; 3: …`, or the reason alone where there is one. */
export function refusalText(reasons: Readonly<Partial<Record<Refusal, number>>>): string {
  const some = REFUSALS.filter(refusal => (reasons[refusal] ?? 0) > 0)
  if (some.length === 1) return WORDS[some[0]!]
  return some.map(refusal => `${reasons[refusal]}: ${WORDS[refusal]}`).join('; ')
}
