import { deserialize } from "../wire/deserialize.ts";
import { isJsonObject } from "../wire/jsonObject.ts";
import { objectionTo } from "../wire/objection.ts";
import type { ModelSchema } from "../wire/schema.ts";
import { unreadableError } from "./errors.ts";
import type { ServiceResponse } from "./request.ts";

/** Reads the model in a response. Throws a `RestError` if the body is not this model. */
export function readModel<T>(schema: ModelSchema<T>, operation: string, { response, body }: ServiceResponse): T {
  const value = deserialize(schema, body);
  const objection = objectionTo(schema, value);
  if (objection === undefined) return value;
  throw unreadableError(operation, response, `the response is not of type ${schema.name}: ${objection}`);
}

/** Reads the items of a page. Throws a `RestError` if the body is not a page of this model. */
export function readItems<T>(schema: ModelSchema<T>, operation: string, { response, body }: ServiceResponse): T[] {
  const value = isJsonObject(body) ? (body.value ?? []) : undefined;
  if (!Array.isArray(value)) throw unreadableError(operation, response, "the response is not a page of a list");
  return value.map((item: unknown, index) => {
    const read = deserialize(schema, item);
    const objection = objectionTo(schema, read);
    if (objection === undefined) return read;
    throw unreadableError(
      operation,
      response,
      `value[${index}] of the response is not of type ${schema.name}: ${objection}`,
    );
  });
}
