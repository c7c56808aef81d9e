import { isJsonObject } from "../wire/jsonObject.ts";

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
