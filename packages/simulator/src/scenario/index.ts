/** Scenario transcripts: steps and what came of them, in a text that a person can read. */
export { type Names, runScenario, type ScenarioParts, type ScenarioWorld } from './run-scenario.ts'
export { ScenarioError } from './script.ts'
