/**
 * A check that a machine keeps the contract's properties, for property-based tests: the test generates steps
 * with whatever it likes, and `checkMachine` plays a host that obeys the contract, in which all that could go
 * wrong for a machine does.
 *
 *     fc.assert(fc.property(fc.array(step), steps => void checkMachine(subject, steps)))
 *
 * The host forgets every peer that the machine does not hold after each input, delivers `link-down` for each
 * `close`, fires timers when their time has come, and runs two machines side by side on the same inputs.
 */
import type {
  Input,
  LinkEnd,
  Machine,
  MachineTypes,
  PressureLevel,
  RequestId,
  SaveQuestion
} from '../contract.ts'
import { MachineCheckError, MachineRun } from './machine-run.ts'
import { sameData } from './plain.ts'
import { testContact } from './recording-effects.ts'

/**
 * What happens next. `pick` chooses among what there is (links that are up, questions that wait), round and
 * round; a step for which there is nothing does nothing. Peers are numbers of `testContact`, from 1.
 */
export type Step<T extends MachineTypes> =
  | { readonly type: 'contact'; readonly peer: number }
  | { readonly type: 'link-up'; readonly peer: number; readonly inbound: boolean }
  | { readonly type: 'link-down'; readonly pick: number; readonly kind: LinkEnd['kind'] }
  | { readonly type: 'unreachable'; readonly pick: number }
  | { readonly type: 'message'; readonly pick: number; readonly message: T['message'] }
  | { readonly type: 'pressure'; readonly pick: number; readonly level: PressureLevel }
  | { readonly type: 'command'; readonly command: T['command'] }
  /** Answers by `subject.answer`; where the subject has none, and where `fails`, with an error. */
  | { readonly type: 'answer'; readonly pick: number; readonly fails: boolean }
  /** Lets time pass; timers fire in the order of their times. */
  | { readonly type: 'advance'; readonly byMs: number }
  /**
   * An input that no good host would give, as it is: a message on a link that never was, a timer that nobody
   * set. It must not make the machine throw. Its peer handles must be known.
   */
  | { readonly type: 'raw'; readonly input: Input<T> }

export interface MachineSubject<T extends MachineTypes, M extends Machine<T> = Machine<T>> {
  readonly create: () => M
  /** Messages sent for one message that came in, at most. */
  readonly fanOutMax: number
  /** Collections of the machine by name: how many are in each, and its bound. */
  readonly sizes?: (machine: M) => Readonly<Record<string, readonly [size: number, max: number]>>
  readonly answer?: (question: T['question']) => T['answer']
  readonly saved?: ReadonlyMap<string, Uint8Array>
  readonly seed?: number
}

/** What a check saw, so that a test can tell that it was not empty. */
export interface MachineCheckResult {
  readonly inputs: number
  readonly effects: number
  readonly sent: number
}

/** Inputs that one step may cause: a machine that sets timers of 0 ms for ever stops here. */
const INPUTS_PER_STEP_MAX = 256

/**
 * Runs the steps between `start` and `stop`.
 *
 * @throws MachineCheckError  a property does not hold; `property` names it, the message says at which input
 */
export function checkMachine<T extends MachineTypes, M extends Machine<T> = Machine<T>>(
  subject: MachineSubject<T, M>,
  steps: readonly Step<T>[]
): MachineCheckResult {
  const runs = [new MachineRun<T, M>(subject), new MachineRun<T, M>(subject)] as const
  const give = (make: (run: MachineRun<T, M>) => Input<T> | undefined, strict = true): void => {
    const [input, second] = [make(runs[0]), make(runs[1])]
    if (input === undefined || second === undefined) return
    runs[0].handle(input, strict)
    runs[1].handle(second, strict)
    compare(runs[0], runs[1])
  }
  const settle = (): void => {
    for (let count = 0; count < INPUTS_PER_STEP_MAX && runs[0].hasPending(); count += 1)
      give(run => run.nextPending())
  }
  give(() => ({ type: 'start', saved: new Map(subject.saved) }))
  settle()
  for (const [index, step] of steps.entries()) {
    if (step.type === 'advance') {
      for (const run of runs) run.advance(step.byMs)
    } else {
      give(run => inputOf(step, run, subject, index), step.type !== 'raw')
    }
    settle()
  }
  give(() => ({ type: 'stop' }))
  return { inputs: runs[0].inputs, effects: runs[0].log.length, sent: runs[0].sent }
}

function inputOf<T extends MachineTypes, M extends Machine<T>>(
  step: Exclude<Step<T>, { type: 'advance' }>,
  run: MachineRun<T, M>,
  subject: MachineSubject<T, M>,
  index: number
): Input<T> | undefined {
  switch (step.type) {
    case 'contact':
      return { type: 'contact', peer: run.effects.peers.intern(testContact(step.peer)) }
    case 'link-up':
      return run.linkUp(testContact(step.peer), step.inbound)
    case 'link-down': {
      const link = pick(run.links.keys(), step.pick)
      return link === undefined ? undefined : run.linkDown(link, step.kind)
    }
    case 'unreachable': {
      const peer = pick(run.opening, step.pick)
      if (peer === undefined) return undefined
      run.opening.delete(peer)
      return { type: 'unreachable', peer, reason: 'nobody is there' }
    }
    case 'message': {
      const link = pick(run.links.keys(), step.pick)
      return link === undefined ? undefined : { type: 'message', link, message: step.message }
    }
    case 'pressure': {
      const link = pick(run.links.keys(), step.pick)
      return link === undefined ? undefined : { type: 'pressure', link, level: step.level }
    }
    case 'command':
      return { type: 'command', id: index, command: step.command }
    case 'answer':
      return answerOf(step.fails, pick(run.asked.keys(), step.pick), run, subject)
    case 'raw':
      return step.input
  }
}

function answerOf<T extends MachineTypes, M extends Machine<T>>(
  fails: boolean,
  id: RequestId | undefined,
  run: MachineRun<T, M>,
  subject: MachineSubject<T, M>
): Input<T> | undefined {
  if (id === undefined) return undefined
  const question = run.asked.get(id)!
  run.asked.delete(id)
  if (fails) return { type: 'answer', id, error: 'the work failed' }
  // A save is answered by the host itself, and there is nothing to say but that it is done.
  if (isSave(question)) return { type: 'answer', id, answer: undefined as T['answer'] }
  if (subject.answer === undefined) return { type: 'answer', id, error: 'nobody answers here' }
  return { type: 'answer', id, answer: subject.answer(question) }
}

function isSave(question: unknown): question is SaveQuestion {
  return (question as { type?: unknown } | undefined)?.type === 'save'
}

function pick<V>(from: Iterable<V>, at: number): V | undefined {
  const all = [...from]
  return all[at % all.length]
}

function compare<T extends MachineTypes, M extends Machine<T>>(
  a: MachineRun<T, M>,
  b: MachineRun<T, M>
): void {
  if (!sameData(a.last, b.last))
    throw new MachineCheckError('deterministic', 'equal inputs gave unequal effects', a.transcript())
  if (!sameData(a.snapshot(), b.snapshot())) {
    throw new MachineCheckError('deterministic', 'equal inputs gave unequal snapshots', a.transcript())
  }
}
