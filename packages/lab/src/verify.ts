/**
 * Stored plans, one for each overlay, with the fingerprints that they gave when somebody last looked: runs that
 * come out otherwise mean that a protocol behaves otherwise, whether that was meant or not.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Type } from 'typebox'
import { Check } from 'typebox/value'
import { isReal } from './backends.ts'
import { type CompareOptions, runPlans } from './compare.ts'
import { PlanError } from './errors.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { Settings } from './overlays/settings.ts'
import { type Plan, type PlanInput, resolvePlan } from './plan.ts'
import type { Progress } from './progress.ts'

const StoredPlans = Type.Array(
  Type.Object({ name: Type.String(), plan: Type.Object({}), fingerprint: Type.String() }),
  // Of none all would be the same.
  { minItems: 1 }
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

/** Which of the stored plans is run. */
export interface PlanPlace {
  readonly name: string
  readonly index: number
  readonly plans: number
}

export interface VerifyOptions extends Omit<CompareOptions, 'onProgress'> {
  readonly workers?: number | undefined
  /** Settings over those of the plans: how one sees that a change is noticed. */
  readonly set?: Settings
  /** Told as each plan is first heard of, and then how far all are. */
  readonly onProgress?: (place: PlanPlace, progress?: Progress) => void
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
    throw new PlanError(
      'The stored plans are no list of one or more objects with name, plan and fingerprint.'
    )
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
  const { workers, set = {}, onProgress = () => {}, ...how } = options
  // All of them before the first is run, which may take long.
  const resolved = plans.map(stored => resolveStored(stored, { workers, set }))
  refuseUntaken(set, resolved)
  const places = plans.map(({ name }, index) => ({ name, index, plans: plans.length }))
  const begun = new Set<number>()
  const ran = await runPlans(resolved, how, (plan, progress) => {
    if (!begun.has(plan)) onProgress(places[plan]!)
    begun.add(plan)
    onProgress(places[plan]!, progress)
  })
  return plans.map(({ name, fingerprint }, index) => {
    const actual = fingerprintOf(ran[index]!.runs)
    return { name, expected: fingerprint, actual, same: actual === fingerprint }
  })
}

/** With the settings over it that are of its overlays. */
function resolveStored(
  { name, plan }: StoredPlan,
  { workers, set }: { readonly workers: number | undefined; readonly set: Settings }
): Plan {
  try {
    const { overlays, backend } = resolvePlan(plan)
    if (isReal(backend))
      throw new PlanError(`what ran by ${backend} never comes out alike: verify is of the simulator.`)
    const over = Object.entries(set).filter(([key]) => overlays.some(overlay => isOf(key, overlay)))
    return resolvePlan({
      ...plan,
      set: { ...plan.set, ...Object.fromEntries(over) },
      workers: workers ?? plan.workers
    })
  } catch (error) {
    const { name: kind, message } = error as Error
    throw kind === 'PlanError' ? new PlanError(`The stored plan ${JSON.stringify(name)}: ${message}`) : error
  }
}

/** A setting that changes nothing would look like a protocol that does not care. */
function refuseUntaken(set: Settings, plans: readonly Plan[]): void {
  const overlays = [...new Set(plans.flatMap(plan => plan.overlays))]
  const untaken = Object.keys(set).find(key => !overlays.some(overlay => isOf(key, overlay)))
  if (untaken === undefined) return
  throw new PlanError(
    `${untaken} is set, and no stored plan runs that overlay: they run ${overlays.join(', ')}.`
  )
}

const isOf = (key: string, overlay: string) => key.startsWith(`${overlay}.`)
