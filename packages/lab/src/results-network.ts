/** What results say of the upkeep of an unstructured network. */
import { Type } from 'typebox'
import { closed, count, number, orNull } from './schema-words.ts'

export const network = Type.Object(
  {
    upkeep_messages_per_question: orNull(number('For each lookup and search'), 'none was issued'),
    upkeep_bytes_per_question: orNull(number('For each lookup and search'), 'none was issued'),
    upkeep_bytes_per_node: number('For each live peer'),
    pongs_per_link_max: count(
      'Pongs that left by one link within 3 s, the most of any link in any run, since its start'
    )
  },
  closed(
    'What was sent in the measured time, but not for lookups and searches: pings, pongs, handshakes, tables'
  )
)
