/** Kinds of deeds: what the queue of a simulation holds beside messages and timers. */

export const ACT = 0
export const INPUT = 1
export const OPEN_ARRIVES = 2
export const OPEN_UP = 3
export const OPEN_FAILS = 4
export const END_ARRIVES = 5
export const LINK_BREAKS = 6
export const ANSWER = 7
export const UPLINK_FREE = 8
export const FLUSH_OVER = 9
export const STALL_RETRY = 10
export const SILENCE_NOTICED = 11
/** The end of a link reaches the access link of its receiver. */
export const END_DOWNLINK = 12
