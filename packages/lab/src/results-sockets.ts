/** What peers in processes of their own gave to their sockets, as `results.json` says it. */
import { Type } from 'typebox'
import { closed, number, orNull } from './schema-words.ts'

export const sockets = Type.Object(
  {
    bytes_per_node_per_s: number(
      'That a process gave to the sockets of its connections, with Noise, Yamux, identify and pings; without headers of TCP and IP'
    ),
    over_counted: orNull(
      number('Over the bytes of messages that the overlay’s hosts counted'),
      'they counted none'
    ),
    kernel_over_sent: orNull(
      number(
        'What the system sent by its own count, over what processes gave to it: of connections that were open at the end, since each was opened'
      ),
      'nobody can be asked: this is not Linux, or it has no ss of iproute2'
    )
  },
  closed('Of peers in processes that were there all the measured time')
)
