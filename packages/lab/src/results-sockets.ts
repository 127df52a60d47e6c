/** What the system counted of peers in processes of their own, as `results.json` says it. */
import { Type } from 'typebox'
import { closed, number, orNull } from './schema-words.ts'

export const sockets = Type.Object(
  {
    bytes_per_node_per_s: number(
      'Written by a process to its connections, with Noise, Yamux, identify and pings'
    ),
    over_counted: orNull(
      number('Over the bytes of messages that the overlay’s hosts counted'),
      'they counted none'
    )
  },
  closed('By the system’s count of each process, of peers that were there all the measured time')
)
