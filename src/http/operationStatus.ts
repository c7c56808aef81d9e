import type { ProvisioningState } from "../models/resource.ts";
import { isJsonObject, read } from "../wire/jsonObject.ts";

/** Whether and how an operation has ended. */
export type OperationStatus = "running" | "succeeded" | "failed";

/**
 * Reads the status of an operation, in the lenient way of `@azure/core-lro`, which has to come to the same end; `undefined`
 * when the body is none, but a resource or nothing.
 */
export function statusOf(body: unknown): OperationStatus | undefined {
  if (!isJsonObject(body) || typeof body.status !== "string") return undefined;
  const status = body.status.toLowerCase();
  if (status.includes("succeeded")) return "succeeded";
  return status.includes("fail") || ["canceled", "cancelled"].includes(status) ? "failed" : "running";
}

/** The service's own word for the status of an operation. */
export function statusWordOf(body: unknown): string | undefined {
  const status = read(body, "status");
  return typeof status === "string" ? status : undefined;
}

/** How far a resource has come by what the service says of it; `undefined` when the body is no resource. */
export function provisioningStateOf(body: unknown): ProvisioningState | undefined {
  const state = read(body, "properties.provisioningState");
  return typeof state === "string" ? state : undefined;
}
