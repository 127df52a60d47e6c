/** What results say of a partition. */
import { Type } from 'typebox'
import { closed, count, number, orNull } from './schema-words.ts'

const part0to1 = Type.Number({ minimum: 0, maximum: 1 })

const phase = (description: string) =>
  Type.Object(
    {
      issued: count('Lookups that were asked then, as in lookups'),
      correct: count('The root, or somebody who has the file, among those whom who asks hears'),
      incorrect: count('Answered with somebody else'),
      failed: count('Without an answer in time'),
      success: orNull(part0to1, 'no lookup was issued then'),
      recall: orNull(part0to1, 'no search was issued then that had anything to find within reach')
    },
    closed(description)
  )

export const partition = Type.Object(
  {
    apart: number('Peers on the smaller side'),
    before: phase('Asked before it began'),
    during: phase('Asked while it lasted'),
    after: phase('Asked when it had healed'),
    healing_s: orNull(
      Type.Object(
        {
          mean: orNull(Type.Number(), 'no run healed'),
          max: orNull(Type.Number(), 'no run healed'),
          healed: count('Runs in which the overlay was whole again before they ended'),
          unhealed: count('Runs in which it was not; not in mean and max')
        },
        closed(
          'Seconds from the healing of the network until the overlay is as whole as it was: where keys have roots all members know their neighbours again, by the truth; else as many peers reach each other over as many links as a query goes. Looked at each second'
        )
      ),
      'nobody looks at the tables of real peers'
    )
  },
  closed('The measured time in three, where a partition parts it. Of all runs')
)
