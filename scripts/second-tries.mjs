// A vitest reporter: which tests passed only at their second try, and what was wrong at the first. Such a test is not
// right, or what it tests is not.
import { appendFileSync } from 'node:fs'
import { env } from 'node:process'

export default class SecondTries {
  onTestCaseResult(test) {
    if (!test.diagnostic()?.flaky || env.SERVENT_SECOND_TRIES === undefined) return
    const why = test.result().errors?.[0]?.message?.split('\n')[0] ?? 'no error was kept'
    appendFileSync(env.SERVENT_SECOND_TRIES, `${test.module.relativeModuleId} > ${test.fullName}: ${why}\n`)
  }
}
