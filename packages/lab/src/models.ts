/** Latency and churn of a plan, as the simulator's models of them. Files are read elsewhere. */
import {
  type ChurnProcess,
  churnProcess,
  type LatencyModel,
  latencyModel,
  type Random,
  randomOf
} from '@servent/simulator'
import { PlanError } from './errors.ts'
import type { PlanFiles, PlanTexts } from './messages.ts'
import type { Plan } from './plan.ts'

const MATRIX = 'matrix:'
const TRACE = 'trace:'
/** Stands for a file that is not read yet. */
const ANY_MATRIX = '0 1\n1 0'

/** @throws PlanError  one of the two names nothing that there is */
export function checkModels({ latency, churn }: Pick<Plan, 'latency' | 'churn'>): void {
  explained('latency', () => latencyModel(latency, randomOf(''), () => ANY_MATRIX))
  if (churn !== null) explained('churn', () => churnProcess(churn, () => ''))
}

/** The files that a plan names. */
export function filesOf({ latency, churn }: Pick<Plan, 'latency' | 'churn'>): {
  readonly matrix?: string
  readonly trace?: string
} {
  return {
    ...(latency.startsWith(MATRIX) ? { matrix: latency.slice(MATRIX.length) } : {}),
    ...(churn?.startsWith(TRACE) ? { trace: churn.slice(TRACE.length) } : {})
  }
}

/** A latency or a churn, with another name of the file in it where it names one. */
export function withFileName(text: string, nameOf: (name: string) => string): string {
  const form = [MATRIX, TRACE].find(one => text.startsWith(one))
  return form === undefined ? text : `${form}${nameOf(text.slice(form.length))}`
}

/** Of the texts of many plans those that this one names. */
export function filesIn(texts: PlanTexts, plan: Pick<Plan, 'latency' | 'churn'>): PlanFiles {
  const { matrix, trace } = filesOf(plan)
  return {
    ...(matrix === undefined ? {} : { matrix: texts[matrix] ?? '' }),
    ...(trace === undefined ? {} : { trace: texts[trace] ?? '' })
  }
}

/** @throws PlanError  the matrix's text is none */
export function latencyOfPlan({ latency }: Plan, { matrix }: PlanFiles, random: Random): LatencyModel {
  return explained(placed('latency', filesOf({ latency, churn: null }).matrix), () =>
    latencyModel(latency, random, () => matrix ?? '')
  )
}

/** @throws PlanError  the trace's text is none */
export function churnOfPlan({ churn }: Plan, { trace }: PlanFiles): ChurnProcess | undefined {
  if (churn === null) return undefined
  return explained(placed('churn', filesOf({ latency: '', churn }).trace), () =>
    churnProcess(churn, () => trace ?? '')
  )
}

/** What is wrong in a file has its line there. */
const placed = (field: string, file: string | undefined) => (file === undefined ? field : `${field}: ${file}`)

function explained<T>(field: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    const { name, message } = error as Error
    if (name !== 'ModelError') throw error
    throw new PlanError(`${field}: ${message}`)
  }
}
