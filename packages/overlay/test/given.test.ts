import { given } from '@servent/overlay/machine'
import { expect, it } from 'vitest'

it('leaves out what has no value, and keeps what is nothing in another way', () => {
  const values = { ttl: undefined, agent: '', ports: 0, query: null, isOpen: false }
  expect(Object.keys(given(values))).toEqual(['agent', 'ports', 'query', 'isOpen'])
  expect({ ttl: 7, ...given(values) }.ttl).toBe(7)
})
