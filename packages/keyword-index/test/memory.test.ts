/** The store in memory: what all stores do, and what is its own. */
import { expect, it } from 'vitest'
import { MemoryIndex } from '../src/memory.ts'
import { describeStore } from './conformance.ts'

describeStore('the store in memory', { open: init => new MemoryIndex(init) })

it('is there', () => expect(new MemoryIndex().totals().files).toBe(0))
