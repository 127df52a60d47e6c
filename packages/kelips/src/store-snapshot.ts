/** What a peer keeps, in the shape of every key-routed overlay's: its own records, values of others, and bounds. */
import { PUBLISHES_MAX, READS_MAX, type StoreSnapshot } from '@servent/key-routing/machine'
import {
  CONTACTS_ALL_MAX,
  DEAD_MAX,
  FAREWELLS_MAX,
  FINDS_MAX,
  INSERTS_MAX,
  INTAKES_MAX,
  ORIGINS_MAX,
  OWN_RECORDS_MAX,
  RELAYS_MAX,
  TUPLES_MAX,
  VIEW_MAX
} from './constants.ts'
import type { Kelips } from './kelips.ts'

export function storeSnapshot(kelips: Kelips): StoreSnapshot {
  const { own, values, view, contacts, origins, tuples, store } = kelips
  const sum = (kind: 'provider' | 'word' | 'value') => ({
    records: own.kinds[kind].records + values.kinds[kind].records,
    bytes: own.kinds[kind].bytes + values.kinds[kind].bytes
  })
  return {
    records: own.size + values.size,
    bytes: own.bytes + values.bytes,
    rootRecords: own.size,
    keys: own.slots.size + values.slots.size,
    byKind: { provider: sum('provider'), word: sum('word'), value: sum('value') },
    counters: {},
    sizes: {
      view: [view.size, VIEW_MAX],
      contacts: [contacts.table.size, CONTACTS_ALL_MAX],
      origins: [origins.table.size, ORIGINS_MAX],
      tuples: [tuples.size, TUPLES_MAX],
      dead: [kelips.dead.size, DEAD_MAX],
      farewells: [kelips.farewells.length, FAREWELLS_MAX],
      ownRecords: [own.size, OWN_RECORDS_MAX],
      values: [values.size, store.limits.recordsMax],
      questions: [kelips.asking, INTAKES_MAX + INSERTS_MAX],
      finds: [kelips.finds, FINDS_MAX],
      relays: [kelips.relays, RELAYS_MAX],
      inserts: [kelips.inserts, INSERTS_MAX],
      reads: [kelips.reads.size, READS_MAX],
      publishes: [kelips.publishes, PUBLISHES_MAX]
    }
  }
}
