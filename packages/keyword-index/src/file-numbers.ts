/** Numbers of a file that a search may bound: whole, 0 to 2^31 - 1. 0 stands for what is not known. */
export const FILE_NUMBERS = [
  'bitrate', // kbit/s
  'frequency', // Hz
  'seconds',
  'link', // link speed of the owner, Napster's 0 to 10
  'year',
  'width', // pixels
  'rating' // FastTrack's 0 to 4
] as const

export type FileNumber = (typeof FILE_NUMBERS)[number]
