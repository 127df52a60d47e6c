/** What a keeper of records does where nobody says otherwise. */
import { REPAIR_BYTES_PER_S, REPAIR_MS, REPLICAS_DEFAULT, STORE_LIMITS } from './store-constants.ts'
import type { StoreSettings } from './store-types.ts'

/** Bodies are not looked into: a service gives `inspect: inspectRecord`. */
export const STORE_SETTINGS: StoreSettings = {
  replicas: REPLICAS_DEFAULT,
  repairMs: REPAIR_MS,
  repairBytesPerS: REPAIR_BYTES_PER_S,
  limits: STORE_LIMITS
}
