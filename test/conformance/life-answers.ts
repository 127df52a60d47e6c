/** What machines told of the commands that a life gave them, in words that are the same wherever it runs. */
import type { RoutingCommand, RoutingNotice, StoredRecord } from '@servent/key-routing/machine'
import { KEY_BYTES, type Key, keyOfWord, keyToHex, type MachineTypes } from '@servent/overlay/machine'
import type { Name, Ring } from './life.ts'

/** The key of a command that names the root of one. */
export function keyOf(command: RoutingCommand): Key {
  return 'key' in command ? command.key : new Uint8Array(KEY_BYTES)
}

/** Files that are shared in a life: their names hold two words each. */
export const FILES = ['blue song', 'green song', 'red song', 'grey song'] as const
export type FileName = (typeof FILES)[number]

/** What tells the records of a file from those of another: the digest of its content, which is made up here. */
export function subjectOf(file: FileName): Key {
  return keyOfWord(`the content of ${file}`)
}

const fileOf = new Map(FILES.map(file => [keyToHex(subjectOf(file)), file]))

/** What notices told of a command, without hops and milliseconds; undefined as long as it is under way. */
export function answerOf<T extends MachineTypes>(
  ring: Ring<T>,
  name: Name,
  command: number,
  rootName: (found: Name | undefined) => string
): string | undefined {
  const told = ring.watched(name).notices as readonly RoutingNotice[]
  const notices = told.filter(notice => 'command' in notice && notice.command === command)
  const records: string[] = []
  for (const notice of notices) {
    switch (notice.type) {
      case 'looked-up':
        return rootName(ring.peers.nameOf(notice.root.id))
      case 'lookup-failed':
        return notice.reason
      case 'published':
        return notice.outcomes.join()
      case 'value-read':
        return notice.record === undefined
          ? (notice.failure ?? 'no value')
          : `${new TextDecoder().decode(notice.record.body)} of ${ring.peers.nameOf(notice.record.publisher.id)}`
      case 'records':
        records.push(...notice.records.map(record => recordName(ring, record)))
        break
      case 'records-end':
        return `${records.toSorted().join()}, ${notice.total} in all${notice.failure === undefined ? '' : `, ${notice.failure}`}`
    }
  }
  return undefined
}

function recordName<T extends MachineTypes>(
  { peers }: Ring<T>,
  { kind, publisher, subject }: StoredRecord
): string {
  const publisherName = peers.nameOf(publisher.id) ?? 'a stranger'
  return kind === 'word' ? `${fileOf.get(keyToHex(subject)) ?? 'no file'} of ${publisherName}` : publisherName
}
