/** Bounds of what a report is drawn of: results may be files of strangers. Parts and points have the lab's own. */

/** Studies that one report sets side by side. */
export const STUDIES_MAX = 8
/** One text of results: the longest that a plan file may have, or the lab writes. */
export const TEXT_CHARACTERS_MAX = 4_096
/** Numbers, texts, lists and objects of the results of one study: a little more than 100,000 runs leave behind. */
export const RESULTS_VALUES_MAX = 4_000_000
/** Names of plots, which become names of files. */
export const NAME_CHARACTERS_MAX = 64
/** Of one curve: steps, quantiles, or numbers of links that peers have. A network of a million peers has fewer. */
export const CURVE_POINTS_MAX = 10_000
/** Kinds of messages of one overlay, and its settings: some ten times as many as any has. */
export const KINDS_MAX = 512
/** Sentences of the lab on one point. */
export const WARNINGS_MAX = 16
