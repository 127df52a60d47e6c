/**
 * What a machine is handed: it records what the machine asks for, and the host carries it out afterwards in
 * the same order. Time stands still during one `handle`.
 */
import {
  type Effects,
  type Link,
  type MachineTypes,
  type Peer,
  type PeerTable,
  PRIORITY_MAX,
  type RequestId,
  type SaveQuestion,
  type Timer
} from '@servent/overlay'

export type RecordedEffect<T extends MachineTypes> =
  | { readonly type: 'open'; readonly peer: Peer }
  | { readonly type: 'close'; readonly link: Link; readonly reason: string }
  | { readonly type: 'send'; readonly link: Link; readonly message: T['message']; readonly priority: number }
  | { readonly type: 'set-timer'; readonly timer: Timer; readonly afterMs: number }
  | { readonly type: 'cancel-timer'; readonly timer: Timer }
  | { readonly type: 'ask'; readonly id: RequestId; readonly question: T['question'] | SaveQuestion }
  | { readonly type: 'save'; readonly key: string; readonly bytes: Uint8Array | undefined }
  | { readonly type: 'notify'; readonly notice: T['notice'] }

export class EffectRecorder<T extends MachineTypes> implements Effects<T> {
  readonly peers: PeerTable
  readonly #random: () => number
  #nowMs = 0
  #wallMs = 0
  #recorded: RecordedEffect<T>[] = []

  constructor(peers: PeerTable, random: () => number) {
    this.peers = peers
    this.#random = random
  }

  /** Sets the time that the machine sees until the next call. */
  begin(nowMs: number, wallMs: number): void {
    this.#nowMs = nowMs
    this.#wallMs = wallMs
    this.#recorded = []
  }

  take(): readonly RecordedEffect<T>[] {
    const recorded = this.#recorded
    this.#recorded = []
    return recorded
  }

  nowMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return this.#wallMs
  }

  random(): number {
    return this.#random()
  }

  open(peer: Peer): void {
    this.#recorded.push({ type: 'open', peer })
  }

  close(link: Link, reason: string): void {
    this.#recorded.push({ type: 'close', link, reason })
  }

  /** @throws RangeError  the priority is out of range: an error of the machine, which stops it */
  send(link: Link, message: T['message'], priority: number): void {
    if (!Number.isInteger(priority) || priority < 0 || priority > PRIORITY_MAX) {
      throw new RangeError(`A priority is a whole number from 0 to ${PRIORITY_MAX}, not ${priority}.`)
    }
    this.#recorded.push({ type: 'send', link, message, priority })
  }

  /** @throws RangeError  the time is no number of milliseconds: an error of the machine, which stops it */
  setTimer(timer: Timer, afterMs: number): void {
    if (!Number.isFinite(afterMs) || afterMs < 0) {
      throw new RangeError(`Timer ${timer} is set to ${afterMs} ms; a time is 0 or more.`)
    }
    this.#recorded.push({ type: 'set-timer', timer, afterMs })
  }

  cancelTimer(timer: Timer): void {
    this.#recorded.push({ type: 'cancel-timer', timer })
  }

  ask(id: RequestId, question: T['question'] | SaveQuestion): void {
    this.#recorded.push({ type: 'ask', id, question })
  }

  save(key: string, bytes: Uint8Array | undefined): void {
    this.#recorded.push({ type: 'save', key, bytes })
  }

  notify(notice: T['notice']): void {
    this.#recorded.push({ type: 'notify', notice })
  }
}
