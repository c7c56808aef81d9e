import type { ProvisioningState } from "../../models/resource.ts";
import { isJsonObject, read } from "../../wire/jsonObject.ts";

/** Status of an operation. */
export type KnownStatus = "running" | "succeeded" | "failed";

/**
 * Reads the status of an operation. As lenient as `@azure/core-lro`, which must reach the same result. Returns
 * `undefined` if the body is not an operation, but a resource or nothing.
 */
export function statusOf(body: unknown): KnownStatus | undefined {
  if (!isJsonObject(body) || typeof body.status !== "string") return undefined;
  const status = body.status.toLowerCase();
  if (status.includes("succeeded")) return "succeeded";
  return status.includes("fail") || ["canceled", "cancelled"].includes(status) ? "failed" : "running";
}

/** Returns the service's value for the status of an operation. */
export function statusValueOf(body: unknown): string | undefined {
  const status = read(body, "status");
  return typeof status === "string" ? status : undefined;
}

/** Returns the provisioning state of a resource; `undefined` if the body is not a resource. */
export function provisioningStateOf(body: unknown): ProvisioningState | undefined {
  const state = read(body, "properties.provisioningState");
  return typeof state === "string" ? state : undefined;
}
