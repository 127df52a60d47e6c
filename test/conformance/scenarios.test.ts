/**
 * Scenarios that a person can read, run on the simulator and held against what was written down. After a change
 * that is meant, `UPDATE_SCENARIOS=1` writes them anew, and the difference is read like any other.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { runScenario } from '@servent/simulator'
import { expect, test } from 'vitest'
import { chordWorld } from './chord-scenarios.ts'
import { toyWorld } from './toy-scenarios.ts'

function transcript(file: string, run: (text: string) => string): void {
  const url = new URL(`../scenarios/${file}`, import.meta.url)
  const written = readFileSync(url, 'utf8')
  const told = run(written)
  expect(run(told), 'what a scenario tells does not depend on what it told before').toBe(told)
  if (process.env.UPDATE_SCENARIOS === '1') writeFileSync(url, told)
  expect(told).toBe(readFileSync(url, 'utf8'))
}

test('a flood, a partition and a crash of the toy protocol', () => {
  transcript('toy-partition.txt', text => runScenario(text, toyWorld))
})

test('a ring of Chord: it forms, is looked up in, loses two neighbours, has them back, and one leaves', () => {
  transcript('chord-ring.txt', text => runScenario(text, chordWorld))
})

test('a partition of Chord: two rings of four, and one again once it has healed', () => {
  transcript('chord-partition.txt', text => runScenario(text, chordWorld))
})
