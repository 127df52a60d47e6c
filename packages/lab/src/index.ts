/**
 * Overlays compared on the same work: many peers of each in one simulator, the same identifiers, network, churn
 * and questions for all of them, answers held against the truth of an observer who sees everybody.
 *
 * A plan goes in (`resolvePlan`), results of the schema `servent-lab/1` come out (`compare`). Runs take worker
 * threads, one for each seed at a time, and a fingerprint over all that they did says whether two comparisons
 * were the same.
 */
export { askedIn, judgedOf, type Kept, parseResults, refuseOther } from './baseline.ts'
export { type CompareOptions, compare } from './compare.ts'
export { PlanError, RunError } from './errors.ts'
export { type GateVerdict, judge, parseGates, refuseUnasked } from './gates.ts'
export { lowerHull } from './hull.ts'
export { looksUpFiles, lookupMsMax, type Wait, waitOf } from './overlays/lookup-times.ts'
export { parseSet, SETTINGS } from './overlays/settings.ts'
export {
  type ComparedPoint,
  type P2psimComparison,
  readP2psim
} from './p2psim/compare.ts'
export { exportP2psim } from './p2psim/export.ts'
export { PATH_EVENTS_MAX, PATH_LINKS_MAX, PATH_PEERS_MAX } from './path/path-limits.ts'
export type { Path, PathEvent } from './path/path-schema.ts'
export { type Asked, askedOf, type Plan, type PlanInput, resolvePlan } from './plan.ts'
export { askedOfAll } from './plan-files.ts'
export type { Progress } from './progress.ts'
export { type OverlayResults, type Results, ResultsSchema } from './results.ts'
export { bootstrap, medianOf } from './study/figures.ts'
export { checkStudy, type PlannedStudy, planStudy } from './study/plan-study.ts'
export { runStudy, type StudyRunOptions } from './study/run-study.ts'
export { resolveStudy, type Study, type StudyOptions } from './study/study.ts'
export {
  folderOf,
  NO_FINGERPRINT,
  prepareStudy,
  runInFolder,
  STUDY_FILES,
  writeBeside,
  writeSums
} from './study/study-folder.ts'
export {
  type Figure,
  type Paired,
  type PartResults,
  type PointResults,
  type Published,
  type StudyResults,
  StudyResultsSchema
} from './study/study-results.ts'
export { type FigureName, PARTS_MAX, POINTS_MAX, PUBLISHED_MAX } from './study/study-schema.ts'
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
