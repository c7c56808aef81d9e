import type { ServiceContext } from "../context.ts";
import { isLoopback } from "../../ground/loopback.ts";
import type { LongRunningOperationOptions } from "../options.ts";

/** Polling interval in milliseconds: short for a service on this machine, long for any other. */
export function pollIntervalInMs(
  { endpoint }: ServiceContext,
  { updateIntervalInMs }: Pick<LongRunningOperationOptions, "updateIntervalInMs">,
): number {
  return updateIntervalInMs ?? (isLoopback(new URL(endpoint)) ? 100 : 2000);
}
