import type { BatchAIError, CloudErrorBody, NameValuePair } from "../../models/error.ts";
import { arrayOf, model, object, optional, readOnly, string } from "../schema.ts";
import type { ModelSchema } from "../schema.ts";

/** Table of `CloudErrorBody`. */
export const cloudErrorBody: ModelSchema<CloudErrorBody> = model<CloudErrorBody>("CloudErrorBody", {
  code: readOnly("code", string),
  message: readOnly("message", string),
  target: readOnly("target", string),
  details: readOnly("details", arrayOf(object((): ModelSchema<CloudErrorBody> => cloudErrorBody))),
});

/** Table of `NameValuePair`. */
export const nameValuePair = model<NameValuePair>("NameValuePair", {
  name: optional("name", string),
  value: optional("value", string),
});

/** Table of `BatchAIError`. */
export const batchAIError = model<BatchAIError>("BatchAIError", {
  code: readOnly("code", string),
  message: readOnly("message", string),
  details: readOnly("details", arrayOf(object(nameValuePair))),
});
