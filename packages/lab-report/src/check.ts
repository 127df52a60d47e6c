/** Results are files, and may be those of strangers: what is drawn has the lab's schema, and fits. */
import { PARTS_MAX, POINTS_MAX, type StudyResults, StudyResultsSchema } from '@servent/lab'
import { Check, Errors } from 'typebox/value'
import { ReportError } from './errors.ts'
import { RESULTS_VALUES_MAX, STUDIES_MAX, TEXT_CHARACTERS_MAX } from './limits.ts'

/** @throws ReportError  says of which study, and where in it */
export function checkStudies(studies: readonly StudyResults[]): void {
  if (studies.length === 0)
    throw new ReportError('There is nothing to report: give it the results of a study.')
  if (studies.length > STUDIES_MAX)
    throw new ReportError(`A report sets ${STUDIES_MAX} studies side by side at most, not ${studies.length}.`)
  studies.forEach((study, index) => {
    const wrong = (why: string) =>
      new ReportError(
        `${studies.length === 1 ? 'The results' : `Results ${index + 1} of ${studies.length}`} ${why}`
      )
    checkSize(study, wrong)
    if (!Check(StudyResultsSchema, study)) {
      const [error] = Errors(StudyResultsSchema, study)
      const { instancePath = '', message = 'are none' } = error ?? {}
      throw wrong(`are not of the schema servent-study/1: ${instancePath || 'they'} ${message}.`)
    }
    const { parts } = study
    if (parts.length > PARTS_MAX)
      throw wrong(`have ${parts.length} parts, and a study has ${PARTS_MAX} at most.`)
    const points = parts.reduce((sum, part) => sum + part.points.length, 0)
    if (points > POINTS_MAX) throw wrong(`have ${points} points, and a study has ${POINTS_MAX} at most.`)
    if (points === 0) throw wrong('have no points, so there is nothing to draw.')
    parts.forEach(({ name }, at) => {
      if (parts.findIndex(part => part.name === name) < at) throw wrong(`have two parts of the name ${name}.`)
    })
  })
}

/** Before the schema is held against it, which takes time for each value. */
function checkSize(study: unknown, wrong: (why: string) => ReportError): void {
  let left = RESULTS_VALUES_MAX
  const waiting: unknown[] = [study]
  while (waiting.length > 0) {
    const value = waiting.pop()
    left -= 1
    if (left < 0)
      throw wrong(`hold more than ${RESULTS_VALUES_MAX} values, which is more than a study leaves behind.`)
    if (typeof value === 'string' && value.length > TEXT_CHARACTERS_MAX)
      throw wrong(`hold a text of ${value.length} characters, and the longest has ${TEXT_CHARACTERS_MAX}.`)
    if (value === null || typeof value !== 'object') continue
    for (const [key, inner] of Object.entries(value)) {
      if (!Array.isArray(value)) waiting.push(key)
      waiting.push(inner)
    }
  }
}
