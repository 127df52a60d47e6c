import type { MachineTypes } from '@servent/overlay/machine'

export declare class Simulation<T extends MachineTypes> {
  readonly types: T
}
