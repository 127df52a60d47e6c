/**
 * Stored plans, one for each overlay, with the fingerprints that they gave when somebody last looked: runs that
 * come out otherwise mean that a protocol behaves otherwise, whether that was meant or not.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Type } from 'typebox'
import { Check } from 'typebox/value'
import { type CompareOptions, runPlan } from './compare.ts'
import { PlanError } from './errors.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { Settings } from './overlays/settings.ts'
import { type PlanInput, resolvePlan } from './plan.ts'

const StoredPlans = Type.Array(
  Type.Object({ name: Type.String(), plan: Type.Object({}), fingerprint: Type.String() })
)

export interface StoredPlan {
  readonly name: string
  readonly plan: PlanInput
  /** SHA-256 in hexadecimal. */
  readonly fingerprint: string
}

export interface Verdict {
  readonly name: string
  readonly expected: string
  readonly actual: string
  readonly same: boolean
}

export interface VerifyOptions extends Omit<CompareOptions, 'onProgress'> {
  readonly workers?: number | undefined
  /** Settings over those of the plans: how one sees that a change is noticed. */
  readonly set?: Settings
  /** Told before each plan. */
  readonly onPlan?: (name: string, index: number, plans: number) => void
}

/** Where the package keeps its plans. */
export function storedPlansFile(): string {
  return fileURLToPath(new URL('../data/fingerprints.json', import.meta.url))
}

/** @throws PlanError  the text is no list of stored plans */
export function parseStoredPlans(text: string): StoredPlan[] {
  let plans: unknown
  try {
    plans = JSON.parse(text)
  } catch (error) {
    throw new PlanError(`The stored plans are no JSON: ${(error as Error).message}.`)
  }
  if (!Check(StoredPlans, plans)) {
    throw new PlanError('The stored plans are no list of objects with name, plan and fingerprint.')
  }
  return plans as StoredPlan[]
}

export async function readStoredPlans(file: string): Promise<StoredPlan[]> {
  return parseStoredPlans(await readFile(file, 'utf8'))
}

/** Writes what verdicts say into the place of what was expected. */
export async function renewStoredPlans(
  file: string,
  plans: readonly StoredPlan[],
  verdicts: readonly Verdict[]
): Promise<void> {
  const renewed = plans.map(plan => ({
    ...plan,
    fingerprint: verdicts.find(({ name }) => name === plan.name)?.actual ?? plan.fingerprint
  }))
  await writeFile(file, formatted(renewed))
}

/** As the house's formatter writes it: lists of words stand in one line. */
function formatted(plans: readonly StoredPlan[]): string {
  const text = JSON.stringify(plans, null, 2)
  const lists = text.replace(
    /\[\s+("[^[{]*?)\s+\]/g,
    (_, items: string) => `[${items.replace(/,\s+/g, ', ')}]`
  )
  return `${lists}\n`
}

/** @throws PlanError, RunError */
export async function verify(plans: readonly StoredPlan[], options: VerifyOptions = {}): Promise<Verdict[]> {
  const { workers, set = {}, onPlan, ...how } = options
  const verdicts: Verdict[] = []
  for (const [index, { name, plan, fingerprint }] of plans.entries()) {
    onPlan?.(name, index, plans.length)
    const over = Object.entries(set).filter(([key]) => plan.overlays?.some(one => key.startsWith(`${one}.`)))
    const resolved = resolvePlan({
      ...plan,
      set: { ...plan.set, ...Object.fromEntries(over) },
      workers: workers ?? plan.workers
    })
    const actual = fingerprintOf(await runPlan(resolved, how))
    verdicts.push({ name, expected: fingerprint, actual, same: actual === fingerprint })
  }
  return verdicts
}
