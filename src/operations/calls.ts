import type { HttpMethods } from "@azure/core-rest-pipeline";
import type { ServiceContext } from "../http/context.ts";
import type { LongRunningOperationOptions, OperationOptions } from "../http/options.ts";
import { pagedList } from "../http/paging.ts";
import type { PagedList } from "../http/paging.ts";
import { pollOperation } from "../http/poller.ts";
import type { OperationPoller } from "../http/poller.ts";
import { send } from "../http/request.ts";
import type { ServiceRequest } from "../http/request.ts";
import { buildUrl } from "../http/url.ts";
import { ValidationError } from "../http/validationError.ts";
import { deserialize } from "../wire/deserialize.ts";
import type { ModelSchema } from "../wire/schema.ts";
import { serialize } from "../wire/serialize.ts";
import { validate } from "../wire/validate.ts";
import type { ValidationIssue } from "../wire/validate.ts";

/** A model on its way out, with what it has to be checked for. */
export interface Outgoing {
  issues(): ValidationIssue[];
  toJson(): Record<string, unknown>;
}

/** What a method asks of the service. */
export interface Call {
  /** Name of the method, for example `jobs.create`. */
  readonly operation: string;
  /** Path with `{names}` in it. */
  readonly path: string;
  /** Values of the names. */
  readonly names?: Readonly<Record<string, string>>;
  /** Query of the request. */
  readonly query?: Outgoing;
  /** Body of the request. */
  readonly body?: Outgoing;
}

/** Prepares a model for the body or the query of a request; issues name it by `path`. */
export function outgoing<T>(schema: ModelSchema<T>, value: NoInfer<T>, path: string): Outgoing {
  return {
    issues: () => validate(schema, value, { view: "model", path }),
    toJson: () => serialize(schema, value, { readOnly: "drop" }),
  };
}

/** Gets a resource. */
export async function getResource<T>(
  context: ServiceContext,
  call: Call,
  schema: ModelSchema<T>,
  options: OperationOptions,
): Promise<T> {
  return deserialize(schema, (await send(context, toRequest(context, call, "GET", [200]), options)).body);
}

/** Changes a resource and gets it back as it is then. */
export async function updateResource<T>(
  context: ServiceContext,
  call: Call,
  schema: ModelSchema<T>,
  options: OperationOptions,
): Promise<T> {
  return deserialize(schema, (await send(context, toRequest(context, call, "PATCH", [200]), options)).body);
}

/** Begins to make a resource; the result is the resource. */
export function createResource<T>(
  context: ServiceContext,
  call: Call,
  schema: ModelSchema<T>,
  options: LongRunningOperationOptions,
): OperationPoller<T> {
  const { operation } = call;
  const firstRequest = (): ServiceRequest => toRequest(context, call, "PUT", [200, 202]);
  const readResult = (answer: unknown): T => deserialize(schema, answer);
  return pollOperation(context, { operation, firstRequest, readResult, endsWithResource: true }, options);
}

/** Begins to remove a resource. */
export function deleteResource(
  context: ServiceContext,
  call: Call,
  options: LongRunningOperationOptions,
): OperationPoller<void> {
  return startWithoutResult(
    context,
    call.operation,
    () => toRequest(context, call, "DELETE", [200, 202, 204]),
    options,
  );
}

/** Begins to do something to a resource. */
export function startAction(
  context: ServiceContext,
  call: Call,
  options: LongRunningOperationOptions,
): OperationPoller<void> {
  return startWithoutResult(context, call.operation, () => toRequest(context, call, "POST", [200, 202]), options);
}

function startWithoutResult(
  context: ServiceContext,
  operation: string,
  firstRequest: () => ServiceRequest,
  options: LongRunningOperationOptions,
): OperationPoller<void> {
  const readResult = (): void => undefined;
  return pollOperation(context, { operation, firstRequest, readResult, endsWithResource: false }, options);
}

/** Lists by GET. */
export function list<T>(
  context: ServiceContext,
  call: Call,
  schema: ModelSchema<T>,
  options: OperationOptions,
): PagedList<T> {
  return pagedList(context, schema, () => toRequest(context, call, "GET", [200]), options);
}

/** Lists by POST. */
export function listByPost<T>(
  context: ServiceContext,
  call: Call,
  schema: ModelSchema<T>,
  options: OperationOptions,
): PagedList<T> {
  return pagedList(context, schema, () => toRequest(context, call, "POST", [200]), options);
}

function toRequest(
  context: ServiceContext,
  call: Call,
  method: HttpMethods,
  success: readonly number[],
): ServiceRequest {
  if (context.validate) {
    const issues = [...(call.query?.issues() ?? []), ...(call.body?.issues() ?? [])];
    if (issues.length > 0) throw new ValidationError(call.operation, issues);
  }
  const { operation, path, names } = call;
  const url = buildUrl(context, operation, { path, names, query: call.query?.toJson() });
  return { operation, method, url, body: call.body?.toJson(), success };
}
