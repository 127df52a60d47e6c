/**
 * `results.json`: what a comparison gives, schema `servent-lab/1`. A field is null where the run did not
 * exercise it or where the overlay has no such thing; it is 0 only where it was measured and came out as 0.
 */
import { type Static, Type } from 'typebox'
import { BACKENDS } from './backends.ts'
import { OVERLAYS } from './overlays/settings.ts'
import { PathSchema } from './path/path-schema.ts'
import { AskedSchema } from './plan.ts'
import { faults } from './results-faults.ts'
import { network } from './results-network.ts'
import { partition } from './results-partition.ts'
import { sockets } from './results-sockets.ts'
import { closed, count, number, orNull } from './schema-words.ts'

export const SCHEMA = 'servent-lab/1'

/** Of the line that `--json` prints. */
export const GatesSchema = Type.Optional(
  Type.Array(
    Type.Object(
      {
        gate: Type.String(),
        name: Type.String({ description: 'Of which results' }),
        value: orNull(Type.Number(), 'it was not measured, or there is no such number'),
        baseline: orNull(Type.Number(), 'there is no baseline, or it has none'),
        passed: Type.Boolean()
      },
      closed('One gate, and one overlay that it is of')
    ),
    { description: 'Of the line that --json prints, where gates were asked for; not in the file' }
  )
)

const interval = Type.Union([Type.Tuple([Type.Number(), Type.Number()]), Type.Null()], {
  description:
    'Student’s 95 % interval of the mean, over the means of the runs. Null: one run, which does not say how networks differ'
})

/** Percentiles are by nearest rank over the samples of all runs together. */
const summary = (description: string) =>
  orNull(
    Type.Object(
      {
        mean: number('Of the means of the runs: the middle of ci95'),
        p1: Type.Number(),
        p50: Type.Number(),
        p95: Type.Number(),
        p99: Type.Number(),
        ci95: interval
      },
      closed(description)
    ),
    'nothing of the kind was issued, or none came back'
  )

const spread = (description: string) =>
  orNull(
    Type.Object(
      { mean: Type.Number(), p95: Type.Number(), max: Type.Number() },
      closed(`${description}; over live peers at the end of the measured time`)
    ),
    'nobody was alive'
  )

const looks = (description: string) =>
  orNull(
    Type.Object(
      { mean: Type.Number(), p95: Type.Number(), max: Type.Number() },
      closed(`${description}; over supernodes and looks`)
    ),
    'no supernode was looked at'
  )

const ofChange = (description: string) =>
  orNull(number(description), 'nobody changes its role in this overlay')

const roles = Type.Object(
  {
    supernodes: number('The mean over looks and runs'),
    ordinaries_per_supernode: orNull(
      Type.Object(
        { min: Type.Number(), mean: Type.Number(), max: Type.Number() },
        closed('Of the whole network, over looks')
      ),
      'there was no supernode'
    ),
    users_per_supernode: looks('Users that each supernode says it has'),
    supernode_bytes_per_s: looks('Sent and received by each supernode, in the real encoding'),
    supernode_queries_per_s: looks('Queries that came to each supernode, of its users and of others'),
    promotions: ofChange('Peers that became supernodes'),
    demotions: ofChange('Supernodes that began to step down'),
    handovers: ofChange('Users that were told to move to another supernode'),
    cut_off: ofChange('Users that a supernode which stepped down left before they had moved'),
    supernodes_lost: number('Ends of links to the own supernode, as users noticed them'),
    spares_taken: ofChange('Of these, how often the spare was asked to take its place'),
    homeless: orNull(Type.Number({ minimum: 0, maximum: 1 }), 'there was no ordinary peer')
  },
  closed(
    'Supernodes, or servers that do their work, and ordinary peers in the measured time, looked at each minute; what is counted is the mean over runs. homeless: of ordinary peers at all looks, the part that had no supernode by their own word'
  )
)

const byType = (description: string) => Type.Record(Type.String(), Type.Number(), { description })

const inequality = (description: string) =>
  orNull(
    Type.Object(
      {
        max_over_mean: Type.Number(),
        p99_over_mean: Type.Number(),
        gini: number('0: all the same. Towards 1: one has all')
      },
      closed(`${description}; the mean over runs`)
    ),
    'there was no load'
  )

const census = (description: string) =>
  Type.Object(
    {
      live: number('Peers that live'),
      members: number(
        'Of them, those that take part by their own word: only they are asked to look things up'
      )
    },
    closed(description)
  )

const lookups = Type.Object(
  {
    issued: count('Begun by a peer that was still alive when the answer came, or the time for it was over'),
    correct: count('By the truth of a global observer: the root, or a peer that has the file'),
    incorrect: count('Answered with somebody else'),
    failed: count('Without an answer in the time that the overlay gives it'),
    unissued: count(
      'Not begun for want of somebody to begin them, or as their root lies, or their peer died before the answer'
    )
  },
  closed('issued is correct, incorrect and failed together. None is ever dropped')
)

const searches = Type.Object(
  {
    issued: count('As for lookups'),
    failed: count('Refused, ended without having asked, or not ended in time: they have found nothing'),
    unissued: count('As for lookups'),
    recall: orNull(Type.Number({ minimum: 0, maximum: 1 }), 'no search had anything to find'),
    precision: orNull(Type.Number({ minimum: 0, maximum: 1 }), 'nothing was found'),
    messages: summary('Sent by all peers for one search, failed ones too'),
    bytes: summary('Sent by all peers for one search, failed ones too'),
    first_hit_ms: summary('From the question to the first file, of searches that found any'),
    recall_of_enough: orNull(
      Type.Number({ minimum: 0, maximum: 1 }),
      'the plan does not say how many results are enough, or there was nothing to find'
    ),
    recall_single_copy: orNull(
      Type.Number({ minimum: 0, maximum: 1 }),
      'the plan has no searches for files that there are once, or nobody else who lived had one'
    )
  },
  closed(
    'recall: of the files that hold all words and that a live peer other than who asks shared when the search began, the part that was found, over all searches that were issued, failed ones too. recall_of_enough: the same of results, a file of one provider each, of every search as many as are enough at most: whether searches found as much as they wanted. recall_single_copy: of the searches for a file that there is once, while somebody else who lives has it, the part that found it. precision: of the files found, the part that were among those'
  )
)

const values = Type.Object(
  {
    puts: Type.Object(
      {
        issued: count('As for lookups'),
        acknowledged: count('By a write quorum of holders'),
        few_copies: count('The root has it, and fewer others than a write quorum needs acknowledged in time'),
        failed: count('Refused, or nobody is known to have it, in the time that a peer waits'),
        unissued: count('As for lookups'),
        latency_ms: summary('From the put to its acknowledgement')
      },
      closed('issued is acknowledged, few_copies and failed together')
    ),
    gets: Type.Object(
      {
        issued: count('As for lookups'),
        correct: count(
          'The newest version that was acknowledged when the get began, or a later one; nothing where none was'
        ),
        incorrect: count(
          'An older version, nothing though one was acknowledged, or what was never put there'
        ),
        failed: count('Without an answer in time, or with too few holders to tell which is the newest'),
        unissued: count('As for lookups'),
        recall: orNull(
          Type.Number({ minimum: 0, maximum: 1 }),
          'no get was of a value that had been acknowledged'
        ),
        latency_ms: summary('From the get to its answer')
      },
      closed(
        'issued is correct, incorrect and failed together. recall: of the gets of values of which a version was acknowledged when they began, the part that is correct'
      )
    )
  },
  closed('Values that are put under keys, and then asked for')
)

const against = (law: string) =>
  Type.Object(
    {
      ratio: number(
        'Log-likelihood of the power law less that of the other: above 0 speaks for the power law'
      ),
      p: number('How likely a ratio that far from 0 is where both are as good')
    },
    closed(`The power law held against ${law} of the same tail (Vuong)`)
  )

const topology = Type.Object(
  {
    degrees: Type.Array(Type.Tuple([count('Links of a peer'), count('Peers of all runs with so many')]), {
      description: 'In rising order'
    }),
    power_law: orNull(
      Type.Object(
        {
          verdict: Type.Boolean({
            description:
              'The tail holds a tenth of all peers, reaches over a decade, lies as near to the law as a sample of it (ks at most 1.22 by the root of tail), and neither of the others explains it better (ratio below 0 at p below 0.1)'
          }),
          exponent: number('Of p(k) ~ k^-exponent, by the greatest likelihood'),
          from: number('The least degree of the tail: where it lies nearest to its law'),
          tail: count('Peers in the tail'),
          ks: number('Greatest distance between the distributions of the tail and of its law'),
          exponential: against('an exponential'),
          log_normal: against('a log-normal')
        },
        closed('After Clauset, Shalizi and Newman (2009)')
      ),
      'no tail has 50 peers and three different degrees'
    )
  },
  closed('The graph of links at the end of the measured time: who has how many')
)

export const OverlaySchema = Type.Object(
  {
    overlay: Type.Enum(OVERLAYS),
    settings: Type.Record(Type.String(), Type.Union([Type.Number(), Type.String(), Type.Boolean()]), {
      description: 'All of them, those that the plan sets and the defaults'
    }),
    backend: Type.Enum(BACKENDS),
    nodes: count('Peers at the start of a run: those of the plan, or those that its trace begins with'),
    seeds: Type.Array(Type.Integer(), { description: 'Of the runs, in their order' }),
    warnings: Type.Array(Type.String(), {
      description: 'Sentences on what was planned and could not be measured; empty where all could'
    }),
    population: Type.Object(
      { start: census('At the start of the measured time'), end: census('At its end') },
      closed('Who lives, and who of them takes part. The mean over runs')
    ),
    lookups,
    hops: summary('Forward steps of the request, the one that reaches the root or a holder counted'),
    hops_as_published: summary(
      'As the overlay’s paper counts. Chord: steps until the key’s live predecessor is reached, one more where the answer came early from a successor list. Pastry: steps until delivery. Kelips: requests until the provider is known. Gnutella: links between who asks and who has the file'
    ),
    messages_per_lookup: summary(
      'Sent by all peers for one lookup, answers, acknowledgements and what was sent after the first answer counted; of lookups of whose end something was heard'
    ),
    latency_ms: summary('From the question to the answer, of lookups that were answered'),
    stretch: summary(
      'Lookup time over the direct round trip between who asks and who is found, of correct lookups that were not answered by who asked'
    ),
    timeouts_per_lookup: summary(
      'Messages to peers that could not be reached or did not answer in time, from the first step to the root: those too that a paper leaves out, after the key’s live predecessor was reached. Of lookups of whose end something was heard, failed ones too. In the simulator as an observer of all peers saw them; of Kelips, and of real peers, as these count and tell them (those of Kademlia do not)'
    ),
    searches: orNull(searches, 'the plan has no searches'),
    values: orNull(values, 'the plan has no puts'),
    publishing: orNull(
      Type.Object(
        {
          messages: number(
            'Sent by all peers to store records and for the lookups of that, the mean over runs'
          ),
          bytes: number('Of those messages, the mean over runs'),
          seconds: number('Of virtual time until all was announced, the mean over runs')
        },
        closed(
          'Announcing what is shared, by those who were there when it began. With churn it begins within the warm-up, and where it takes longer than what is left of that, the measured time begins later'
        )
      ),
      'nothing was announced: the overlay does not, or the plan has no searches'
    ),
    bytes_per_node_per_s: orNull(
      Type.Object(
        {
          mean: Type.Number(),
          p95: orNull(number('Of peers that were there all the time'), 'nobody was'),
          by_type: byType('The mean, by type of message'),
          p2psim: orNull(Type.Number(), 'the overlay has no count of ids in its messages')
        },
        closed(
          'Sent by a live peer in a second of the measured time, in the real encoding, without what encryption and TCP add. p2psim: the same mean by its formula, 20 bytes a message and 4 an id in it'
        )
      ),
      'the measured time was 0'
    ),
    sockets: orNull(sockets, 'peers have no processes of their own, or none was there all the time'),
    state_entries_per_node: spread('Entries of routing tables'),
    state_bytes_per_node: spread(
      'Those entries written down: a key of 32 bytes and the contact of each, or the bytes of what else they hold'
    ),
    connections_per_node: spread('Links that are up, whoever opened them'),
    topology: orNull(topology, 'nobody was alive'),
    network: orNull(network, 'nobody watches all that this overlay sends, or nobody was alive at the end'),
    load: inequality('Messages that each peer took in that was there all the measured time'),
    repair_s: orNull(
      Type.Object(
        {
          mean: orNull(Type.Number(), 'none was repaired before the end'),
          p95: orNull(Type.Number(), 'none was repaired before the end'),
          watched: count('Deaths of members that were watched: all, or every so-many-th'),
          unrepaired: count('Of them, those that were not repaired when the run ended. Not in mean and p95')
        },
        closed(
          'Seconds from the death of a peer until its place is filled: nobody’s first live neighbour by the tables is another than by the truth. Looked at each second'
        )
      ),
      'nobody died while maintenance was on'
    ),
    partition: orNull(partition, 'the plan has none'),
    faults: orNull(faults, 'in the simulator, or the plan has no resets, firewalls or partition'),
    roles: orNull(roles, 'all peers of the overlay have one role'),
    // A study keeps one for each overlay of a part.
    path: Type.Optional(
      orNull(
        PathSchema,
        'none of the first lookups had a right answer from another peer; or in a study an earlier point of the part has the path of this overlay'
      )
    ),
    cost: Type.Object(
      {
        events: orNull(count('Of all runs'), 'real peers have no events that are counted'),
        events_per_s: orNull(number('Of one thread'), 'there are no events'),
        wall_s: number('Of one thread: the sum of all runs'),
        rss_peak_bytes: count(
          'The most that the process of a run had had by its end: what it ran before, and other threads, included'
        )
      },
      closed('What the measurement cost, which differs from time to time and is not in the fingerprint')
    )
  },
  closed('One overlay')
)

export const HostSchema = Type.Object(
  {
    node: Type.String(),
    platform: Type.String(),
    arch: Type.String(),
    cpu: Type.String(),
    cpus: Type.Integer(),
    memory_bytes: Type.Integer()
  },
  closed('Where it was measured: of use for cost alone')
)

export const ResultsSchema = Type.Object(
  {
    event: Type.Optional(
      Type.Literal('done', { description: 'Of the line that --json prints; not in the file' })
    ),
    gates: GatesSchema,
    schema: Type.Literal(SCHEMA),
    plan: AskedSchema,
    commit: orNull(
      Type.String({ description: 'Of the code; -dirty where files differ from it' }),
      'this is no checkout'
    ),
    fingerprint: orNull(
      Type.String({
        pattern: '^[0-9a-f]{64}$',
        description: 'SHA-256 over what every run did and measured, in the order of overlays and seeds'
      }),
      'some ran on real peers, which do nothing twice alike'
    ),
    host: HostSchema,
    overlays: Type.Array(OverlaySchema)
  },
  { ...closed('What a comparison gives'), $id: SCHEMA }
)

export type Results = Static<typeof ResultsSchema>
export type OverlayResults = Results['overlays'][number]
