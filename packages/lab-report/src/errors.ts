/** Errors of the report, told apart by their names. */

/** Results of which no report is drawn: whose, where in them, and why. */
export class ReportError extends Error {
  override readonly name = 'ReportError'
}
