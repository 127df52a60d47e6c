import { expect, it } from 'vitest'
import { readStoredPlans, storedPlansFile, verify } from '../src/verify.ts'

it('the stored plans come out as they were stored: if not, see `servent lab verify`', async () => {
  const verdicts = await verify(await readStoredPlans(storedPlansFile()))
  expect(verdicts.filter(({ same }) => !same)).toEqual([])
}, 120_000)
