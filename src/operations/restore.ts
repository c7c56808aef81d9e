import type { ServiceContext } from "../http/context.ts";
import { rememberedError } from "../http/errors.ts";
import type { LongRunningOperationOptions } from "../http/options.ts";
import { readModel } from "../http/readModel.ts";
import type { ServiceResponse } from "../http/request.ts";
import { pollOperation } from "../http/polling/poller.ts";
import type { OperationPoller } from "../http/polling/poller.ts";
import { rejectOtherOrigin } from "../http/policies/tokenPolicy.ts";
import type { Cluster } from "../models/cluster.ts";
import type { Experiment } from "../models/experiment.ts";
import type { FileServer } from "../models/fileServer.ts";
import type { Job } from "../models/job.ts";
import type { Workspace } from "../models/workspace.ts";
import { cluster } from "../wire/tables/cluster.ts";
import { deserialize } from "../wire/deserialize.ts";
import { cloudErrorBody } from "../wire/tables/error.ts";
import { experiment } from "../wire/tables/experiment.ts";
import { fileServer } from "../wire/tables/fileServer.ts";
import { job } from "../wire/tables/job.ts";
import { isJsonObject, read } from "../wire/jsonObject.ts";
import type { JsonObject } from "../wire/jsonObject.ts";
import { objectionTo } from "../wire/objection.ts";
import { actionInUrl, resourceKindInUrl } from "../wire/resourceIds.ts";
import type { ResourceKind } from "../wire/resourceIds.ts";
import type { AnyModel } from "../wire/schema.ts";
import { serialize } from "../wire/serialize.ts";
import { workspace } from "../wire/tables/workspace.ts";

/** Result of a restored operation: the created resource, or `undefined`. */
export type RestoredResult = Workspace | Experiment | Job | Cluster | FileServer | undefined;

/** Wire tables of the resources that have long-running operations. */
const schemas: Readonly<Partial<Record<ResourceKind, AnyModel>>> = {
  workspaces: workspace,
  clusters: cluster,
  fileServers: fileServer,
  experiments: experiment,
  jobs: job,
};
const verbs: Readonly<Record<string, string>> = { PUT: "create", DELETE: "delete" };

/** Resumes a long-running operation from its saved state; see `restorePoller` of the client. */
export function restoreOperation<T extends RestoredResult>(
  context: ServiceContext,
  serializedState: string,
  options: LongRunningOperationOptions,
): OperationPoller<T> {
  const state = parseState(serializedState);
  const url = new URL(readText(state, "config.initialRequestUrl"));
  const method = readText(state, "config.requestMethod").toUpperCase();
  rejectOtherOrigin(url, context.origin);
  const kind = resourceKindInUrl(url.href);
  const schema = kind && schemas[kind];
  const verb = method === "POST" ? actionInUrl(url.href) : verbs[method];
  if (!schema || verb === undefined) throw unusable("it does not belong to a Batch AI operation");

  const endsWithResource = verb === "create";
  const operation = `${kind}.${verb}`;
  const readResult = (received: ServiceResponse): T =>
    (endsWithResource ? readModel<unknown>(schema, operation, received) : undefined) as T;
  const resumed = withoutInterruption(state);
  const poller = pollOperation<T>(
    context,
    {
      operation,
      restoreFrom: { state: JSON.stringify({ state: resumed }), firstUrl: url.href },
      readResult,
      endsWithResource,
    },
    options,
  );
  // JSON has neither dates nor errors, so the result or the error of an ended operation is created again.
  const restored = poller.operationState;
  if (restored && resumed.status === "succeeded" && endsWithResource)
    restored.result = savedResult(schema, resumed.result) as T;
  if (restored && resumed.status === "failed") {
    restored.error = rememberedError(deserialize(cloudErrorBody, read(resumed, "error.details")));
  }
  return poller;
}

/** Creates the result of an ended operation from its saved state. */
function savedResult(schema: AnyModel, saved: unknown): unknown {
  const result = deserialize<unknown>(schema, serialize<unknown>(schema, saved));
  const objection = objectionTo(schema, result);
  if (objection !== undefined) throw unusable(`its result is not of type ${schema.name}: ${objection}`);
  return result;
}

function parseState(serializedState: string): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(serializedState);
  } catch {
    throw unusable("it is not JSON");
  }
  const state = read(parsed, "state");
  if (!isJsonObject(state)) throw unusable("the poller's `serialize` did not create it");
  return state;
}

function readText(state: JsonObject, path: string): string {
  const value = read(state, path);
  if (typeof value !== "string" || value === "") throw unusable(`it lacks ${path}`);
  return value;
}

function unusable(reason: string): TypeError {
  return new TypeError(`restorePoller: the saved state cannot be used: ${reason}`);
}

/**
 * Returns a state that is `failed` only if the operation itself failed. If only a poll failed, because the service
 * could not be reached or rejected it, the state is `running`, and a restored poller polls again.
 */
function withoutInterruption(state: JsonObject): JsonObject {
  const operationFailed = isJsonObject(read(state, "error.details")) && read(state, "error.statusCode") === undefined;
  if (state.status !== "failed" || operationFailed) return state;
  const { error: _, ...rest } = state;
  return { ...rest, status: "running" };
}
