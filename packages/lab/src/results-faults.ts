/** What results say of a network of real peers that breaks connections or refuses dials. */
import { Type } from 'typebox'
import { closed, count } from './schema-words.ts'

export const faults = Type.Object(
  {
    broken: count('Connections that a reset or the beginning of a partition broke'),
    refused: count('Dials that a firewall refused, or that went across a partition')
  },
  closed('What the network did in the measured time, over all runs')
)
