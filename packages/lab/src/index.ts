/**
 * Overlays compared on the same work: many peers of each in one simulator, the same identifiers, network, churn
 * and questions for all of them, answers held against the truth of an observer who sees everybody.
 *
 * A plan goes in (`resolvePlan`), results of the schema `servent-lab/1` come out (`compare`). Runs take worker
 * threads, one for each seed at a time, and a fingerprint over all that they did says whether two comparisons
 * were the same.
 */
export { type CompareOptions, compare } from './compare.ts'
export { PlanError, RunError } from './errors.ts'
export { lowerHull } from './hull.ts'
export { parseSet, SETTINGS } from './overlays/settings.ts'
export { type Plan, type PlanInput, resolvePlan } from './plan.ts'
export type { Progress } from './progress.ts'
export { type OverlayResults, type Results, ResultsSchema } from './results.ts'
export { runStudy, type StudyRunOptions } from './study/run-study.ts'
export { resolveStudy, type Study, type StudyOptions } from './study/study.ts'
export {
  type Figure,
  type FigureName,
  type Paired,
  type PartResults,
  type PointResults,
  type StudyResults,
  StudyResultsSchema
} from './study/study-results.ts'
export { PARTS_MAX, POINTS_MAX } from './study/study-schema.ts'
export {
  parseStoredPlans,
  readStoredPlans,
  renewStoredPlans,
  type StoredPlan,
  storedPlansFile,
  type Verdict,
  type VerifyOptions,
  verify
} from './verify.ts'
