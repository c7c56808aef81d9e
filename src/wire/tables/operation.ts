import type { Operation, OperationDisplay } from "../../models/operation.ts";
import { freeObject, model, object, optional, readOnly, string } from "../schema.ts";

/** Table of `OperationDisplay`. */
export const operationDisplay = model<OperationDisplay>("OperationDisplay", {
  provider: readOnly("provider", string),
  operation: readOnly("operation", string),
  resource: readOnly("resource", string),
  description: readOnly("description", string),
});

/** Table of `Operation`. */
export const operation = model<Operation>("Operation", {
  name: readOnly("name", string),
  display: optional("display", object(operationDisplay)),
  origin: readOnly("origin", string),
  properties: optional("properties", freeObject),
});
