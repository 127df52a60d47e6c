/** What is kept for the next start: the list, as it is told to others, and how long this peer was up in all its runs. */
import {
  readEmbedded,
  readFields,
  readVarint,
  writeEmbedded,
  writeVarint
} from '@servent/key-routing/machine'
import { reader as readerOf, writer as writerOf } from 'protons-runtime'
import { SAVED_BYTES_MAX, SUPERNODES_MAX } from './constants.ts'
import type { SupernodeEntry } from './messages.ts'
import { readAll, writeAll } from './wire-fields.ts'
import { entry } from './wire-messages.ts'

export interface Saved {
  readonly uptimeMs: number
  readonly entries: readonly SupernodeEntry[]
}

const VERSION = 1

export function encodeSaved({ uptimeMs, entries }: Saved): Uint8Array {
  const writer = writerOf()
  writeVarint(writer, 1, VERSION)
  writeVarint(writer, 2, uptimeMs)
  for (const one of entries.slice(0, SUPERNODES_MAX))
    writeEmbedded(writer, 3, () => writeAll(entry, writer, one))
  return writer.finish()
}

/** Nothing where the bytes are of another version or broken: then the list begins empty. */
export function decodeSaved(bytes: Uint8Array): Saved | undefined {
  if (bytes.length > SAVED_BYTES_MAX) return undefined
  const entries: SupernodeEntry[] = []
  let version = 0
  let uptimeMs = 0
  try {
    const reader = readerOf(bytes)
    readFields(reader, bytes.length, (field, wire) => {
      if (field === 1) version = readVarint(reader, wire, VERSION, 'version')
      else if (field === 2) uptimeMs = readVarint(reader, wire, Number.MAX_SAFE_INTEGER, 'uptime')
      else if (field === 3 && entries.length < SUPERNODES_MAX)
        entries.push(readEmbedded(reader, wire, 'entry', (inner, end) => readAll(entry, inner, end)))
      else return false
      return true
    })
  } catch {
    return undefined
  }
  return version === VERSION ? { uptimeMs, entries } : undefined
}
