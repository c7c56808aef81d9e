import { createClientLogger } from "@azure/logger";

/** Logs of the SDK, under `azure:batchai`; see `setLogLevel` of `@azure/logger`. */
export const logger = /* @__PURE__ */ createClientLogger("batchai");
