/** What a machine is told of a catalogue that changes: at once what is new, and in time what is gone. */

import { MemoryCatalogue } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { hashWord } from '../src/qrp-hash.ts'
import { type Bandwidth, Sharing } from '../src/service-sharing.ts'
import { TABLE_UPDATE_MS, WORDS_DEBOUNCE_MS } from '../src/tier-constants.ts'
import type { GnutellaCommand } from '../src/types.ts'

/** A clock that a test turns. */
class TestClock {
  #nowMs = 0
  readonly #timers = new Map<number, { atMs: number; run: () => void }>()
  #last = 0

  nowMs(): number {
    return this.#nowMs
  }
  wallMs(): number {
    return this.#nowMs
  }
  setTimeout(run: () => void, afterMs: number): unknown {
    this.#last += 1
    this.#timers.set(this.#last, { atMs: this.#nowMs + afterMs, run })
    return this.#last
  }
  clearTimeout(handle: unknown): void {
    this.#timers.delete(handle as number)
  }
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    for (;;) {
      const [due] = [...this.#timers].sort(([, a], [, b]) => a.atMs - b.atMs)
      if (due === undefined || due[1].atMs > endMs) break
      this.#timers.delete(due[0])
      this.#nowMs = due[1].atMs
      due[1].run()
      await settled()
    }
    this.#nowMs = endMs
  }
}

/** What reads a catalogue in memory is done by then. */
const settled = () => new Promise(resolve => setImmediate(resolve))

function setup({ tiered = true, bandwidth = (): Bandwidth => ({}) } = {}) {
  const catalogue = new MemoryCatalogue()
  const clock = new TestClock()
  const commands: GnutellaCommand[] = []
  const log = Object.assign(() => {}, { error: () => {} })
  const sharing = new Sharing({
    catalogue: () => catalogue,
    firewalled: () => false,
    bandwidth,
    tiered,
    clock,
    log: log as never,
    command: command => commands.push(command),
    onChanged: () => {}
  })
  const told = () => {
    const words = commands.flatMap(command => (command.type === 'words' ? [command.hashes] : []))
    const last = new Set(words.at(-1))
    return { count: words.length, has: (word: string) => last.has(hashWord(word)) }
  }
  return { catalogue, clock, commands, sharing, told }
}

describe('the words of a catalogue', () => {
  it('are told when it was read, and after a change once it is quiet for a moment', async () => {
    const { catalogue, clock, sharing, told } = setup()
    catalogue.add('one.txt', '1')
    sharing.start()
    await settled()
    expect(told()).toMatchObject({ count: 1 })
    expect(told().has('one')).toBe(true)
    catalogue.add('two.txt', '2')
    catalogue.add('three.txt', '3')
    await clock.pass(WORDS_DEBOUNCE_MS - 1)
    expect(told().count).toBe(1)
    await clock.pass(1)
    expect(told().count).toBe(2)
    expect([told().has('one'), told().has('two'), told().has('three')]).toEqual([true, true, true])
    sharing.stop()
  })

  it('of files that come are told at once, before all are told again', async () => {
    const { catalogue, commands, sharing } = setup()
    sharing.start()
    await settled()
    catalogue.add('two.txt', '2')
    const added = commands.findLast(({ type }) => type === 'words-added') as { hashes: Uint32Array }
    expect([...added.hashes]).toEqual(expect.arrayContaining([hashWord('two'), hashWord('txt')]))
    sharing.stop()
  })

  it('that came while it was read are among them', async () => {
    const { catalogue, clock, sharing, told } = setup()
    sharing.start()
    catalogue.add('late.txt', '1')
    await settled()
    await clock.pass(WORDS_DEBOUNCE_MS)
    expect(told().has('late')).toBe(true)
    sharing.stop()
  })

  it('are not told before all was read, whatever changes meanwhile', async () => {
    const { catalogue, clock, sharing, told } = setup()
    catalogue.add('one.txt', '1')
    const files = catalogue.files.bind(catalogue)
    let go = () => {}
    const gate = new Promise<void>(resolve => {
      go = resolve
    })
    catalogue.files = async function* () {
      await gate
      yield* files()
    }
    sharing.start()
    catalogue.add('two.txt', '2')
    await clock.pass(2 * WORDS_DEBOUNCE_MS)
    expect(told().count).toBe(0)
    go()
    await settled()
    expect(told()).toMatchObject({ count: 1 })
    expect([told().has('one'), told().has('two')]).toEqual([true, true])
    sharing.stop()
  })

  it('are read again where they could not be read, and are not told until then', async () => {
    const { catalogue, clock, sharing, told } = setup()
    catalogue.add('one.txt', '1')
    const files = catalogue.files.bind(catalogue)
    let isBroken = true
    catalogue.files = async function* () {
      for await (const file of files()) {
        yield file
        if (isBroken) throw new Error('The disk is gone.')
      }
    }
    sharing.start()
    await settled()
    catalogue.add('two.txt', '2')
    await clock.pass(WORDS_DEBOUNCE_MS)
    expect(told().count).toBe(0)
    isBroken = false
    await clock.pass(TABLE_UPDATE_MS)
    expect(told()).toMatchObject({ count: 1 })
    expect([told().has('one'), told().has('two')]).toEqual([true, true])
    sharing.stop()
  })

  it('of what is gone are taken out when it is read again, not before a table could be told', async () => {
    const { catalogue, clock, sharing, told } = setup()
    const file = catalogue.add('one.txt', '1')
    sharing.start()
    await settled()
    catalogue.remove(file)
    await clock.pass(WORDS_DEBOUNCE_MS)
    expect(told().has('one')).toBe(true)
    await clock.pass(TABLE_UPDATE_MS)
    expect(told().has('one')).toBe(false)
    sharing.stop()
  })

  it('are nobody’s business where all servents are alike, or when nobody listens any more', async () => {
    const flat = setup({ tiered: false })
    flat.catalogue.add('one.txt', '1')
    flat.sharing.start()
    flat.catalogue.add('two.txt', '2')
    await settled()
    await flat.clock.pass(TABLE_UPDATE_MS)
    expect(flat.told().count).toBe(0)
    const stopped = setup()
    stopped.sharing.start()
    stopped.sharing.stop()
    await settled()
    stopped.catalogue.add('two.txt', '2')
    await stopped.clock.pass(TABLE_UPDATE_MS)
    expect(stopped.told().count).toBe(0)
  })
})

describe('how much is shared', () => {
  it('is told with what is known of the bandwidth, and again only when something changed', () => {
    let upBytesPerS = 1_000
    const { catalogue, commands, sharing } = setup({ tiered: false, bandwidth: () => ({ upBytesPerS }) })
    sharing.start()
    sharing.tell()
    expect(commands).toEqual([
      { type: 'sharing', files: 0, kibibytes: 0, firewalled: false, upBytesPerS: 1_000 }
    ])
    upBytesPerS = 2_000
    sharing.tell()
    catalogue.add('one.txt', 'x')
    expect(commands.slice(1)).toMatchObject([{ upBytesPerS: 2_000 }, { files: 1, kibibytes: 1 }])
    sharing.stop()
  })
})
