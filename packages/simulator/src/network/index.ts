/** Models of the network between nodes: a base of latencies, and what is laid around it. */
export {
  ACCESS_LINKS_MAX,
  type AccessLinks,
  DIAL_ROUND_TRIPS_MAX,
  JITTER_MAX,
  type NetworkConditions,
  withConditions
} from './conditions.ts'
export { ModelError } from './errors.ts'
export { constantLatency, type LatencyModel, uniformLatency } from './latency.ts'
export { latencyModel, ROUND_TRIP_MS_MAX } from './latency-model.ts'
export { MATRIX_ROUND_TRIP_MS_MAX, MATRIX_ROWS_MAX } from './matrix.ts'
export { layer, type Partition, Partitions, sidesByShare, sidesOf } from './partitions.ts'
