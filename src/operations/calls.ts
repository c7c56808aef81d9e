import { requestOf } from "../http/call.ts";
import type { Call } from "../http/call.ts";
import type { ServiceContext } from "../http/context.ts";
import type { LongRunningOperationOptions, OperationOptions } from "../http/options.ts";
import { pagedList } from "../http/paging.ts";
import type { PagedList } from "../http/paging.ts";
import { pollOperation } from "../http/polling/poller.ts";
import type { OperationPoller } from "../http/polling/poller.ts";
import { readModel } from "../http/readModel.ts";
import { send } from "../http/request.ts";
import type { ServiceResponse } from "../http/request.ts";
import type { ModelSchema } from "../wire/schema.ts";

/** Operation, path and arguments of a call; the functions below add the HTTP method. */
export type Arguments = Omit<Call, "method" | "success">;

/** Gets a resource. */
export async function getResource<T>(
  context: ServiceContext,
  args: Arguments,
  schema: ModelSchema<T>,
  options: OperationOptions,
): Promise<T> {
  const request = requestOf(context, { ...args, method: "GET", success: [200] });
  return readModel(schema, args.operation, await send(context, request, options));
}

/** Changes a resource, and returns the changed resource. */
export async function updateResource<T>(
  context: ServiceContext,
  args: Arguments,
  schema: ModelSchema<T>,
  options: OperationOptions,
): Promise<T> {
  const request = requestOf(context, { ...args, method: "PATCH", success: [200] });
  return readModel(schema, args.operation, await send(context, request, options));
}

/** Starts the creation of a resource. The poller returns the resource. */
export function createResource<T>(
  context: ServiceContext,
  args: Arguments,
  schema: ModelSchema<T>,
  options: LongRunningOperationOptions,
): OperationPoller<T> {
  const call: Call = { ...args, method: "PUT", success: [200, 202] };
  const { operation } = args;
  const readResult = (received: ServiceResponse): T => readModel(schema, operation, received);
  return pollOperation(context, { operation, call, readResult, endsWithResource: true }, options);
}

/** Starts the deletion of a resource. */
export function deleteResource(
  context: ServiceContext,
  args: Arguments,
  options: LongRunningOperationOptions,
): OperationPoller<void> {
  return pollWithoutResult(context, { ...args, method: "DELETE", success: [200, 202, 204] }, options);
}

/** Starts an action on a resource. */
export function startAction(
  context: ServiceContext,
  args: Arguments,
  options: LongRunningOperationOptions,
): OperationPoller<void> {
  return pollWithoutResult(context, { ...args, method: "POST", success: [200, 202] }, options);
}

function pollWithoutResult(
  context: ServiceContext,
  call: Call,
  options: LongRunningOperationOptions,
): OperationPoller<void> {
  const readResult = (): void => undefined;
  const { operation } = call;
  return pollOperation(context, { operation, call, readResult, endsWithResource: false }, options);
}

/** Lists items with GET. */
export function list<T>(
  context: ServiceContext,
  args: Arguments,
  schema: ModelSchema<T>,
  options: OperationOptions,
): PagedList<T> {
  return pagedList(context, schema, { ...args, method: "GET", success: [200] }, options);
}

/** Lists items with POST. */
export function listByPost<T>(
  context: ServiceContext,
  args: Arguments,
  schema: ModelSchema<T>,
  options: OperationOptions,
): PagedList<T> {
  return pagedList(context, schema, { ...args, method: "POST", success: [200] }, options);
}
