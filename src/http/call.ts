import type { HttpMethods } from "@azure/core-rest-pipeline";
import type { AnyModel, ModelSchema } from "../wire/schema.ts";
import { serialize } from "../wire/serialize.ts";
import { validate } from "../wire/validate.ts";
import type { ServiceContext } from "./context.ts";
import type { ServiceRequest } from "./request.ts";
import { buildUrl } from "./url.ts";
import { ValidationError } from "./validationError.ts";

/** A call of an API method with the arguments of the user, which are not validated yet. */
export interface Call {
  /** Method that was called, for example `jobs.create`; errors name it. */
  readonly operation: string;
  readonly method: HttpMethods;
  /** Path with placeholders such as `{jobName}`. */
  readonly path: string;
  /** Values of the placeholders. */
  readonly names?: Readonly<Record<string, string>>;
  /** Models whose properties become the query. */
  readonly query?: readonly Outgoing[];
  /** Model of the body. Absent: no body. */
  readonly body?: Outgoing;
  /** Status codes that mean success. */
  readonly success: readonly number[];
}

/** A model to send. */
export interface Outgoing {
  readonly schema: AnyModel;
  readonly value: unknown;
  /** Start of the paths in validation issues, for example `parameters`. Empty: no common start. */
  readonly path: string;
}

/** Prepares a model for the body or the query of a call. */
export function outgoing<T>(schema: ModelSchema<T>, value: NoInfer<T>, path: string): Outgoing {
  return { schema, value, path };
}

/** Validates the arguments of a call and creates its request. Throws a `ValidationError`. */
export function requestOf(context: ServiceContext, call: Call): ServiceRequest {
  const { operation, method, path, names, query, body, success } = call;
  if (context.validate) {
    const issues = [...(query ?? []), ...(body ? [body] : [])].flatMap(({ schema, value, path }) =>
      validate<unknown>(schema, value, { view: "model", path }),
    );
    if (issues.length > 0) throw new ValidationError(operation, issues);
  }
  const parameters = query?.reduce<Record<string, unknown>>((all, model) => ({ ...all, ...toJson(model) }), {});
  const url = buildUrl(context, operation, { path, names, query: parameters });
  return { operation, method, url, body: body && toJson(body), success };
}

function toJson({ schema, value }: Outgoing): Record<string, unknown> {
  return serialize<unknown>(schema, value, { request: true });
}
