import type { ServiceContext } from "./context.ts";
import { isLoopback } from "../ground/loopback.ts";
import type { LongRunningOperationOptions } from "./options.ts";

/** Time between two looks at something in milliseconds: quick on this machine, polite elsewhere. */
export function pollIntervalInMs(
  { endpoint }: ServiceContext,
  { updateIntervalInMs }: Pick<LongRunningOperationOptions, "updateIntervalInMs">,
): number {
  return updateIntervalInMs ?? (isLoopback(new URL(endpoint)) ? 100 : 2000);
}
