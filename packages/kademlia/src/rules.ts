/** The rules that a test replaces by wrong ones, to see that its observer finds them. */
import type { BucketRules } from './buckets.ts'
import { type LookupRules, RIGHT_LOOKUP } from './lookup.ts'

export interface KademliaRules extends BucketRules {
  readonly lookup: LookupRules
  /** Whether whoever asks enters a bucket without having answered, and although it says that it is a client. */
  readonly trustsAskers: boolean
}

export const CORRECT_KADEMLIA: KademliaRules = {
  lookup: RIGHT_LOOKUP,
  overfills: false,
  misplacedBits: 0,
  trustsAskers: false
}
