/** Bounds of Kelips's frames. Those of what stands in a message are in `constants.ts` and in `@servent/key-routing`. */

/**
 * Of one frame without its length. The longest are pages of state and of tuples; a test holds the longest of every
 * type against this.
 */
export const FRAME_BYTES_MAX = 640 * 1024
/** Of a frame's length: three bytes hold two million. */
export const FRAME_LENGTH_BYTES_MAX = 3
