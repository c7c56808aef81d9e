import type { ServiceContext } from "../http/context.ts";
import type { OperationOptions } from "../http/options.ts";
import type { PagedList } from "../http/paging.ts";
import type { Operation } from "../models/operation.ts";
import { operation } from "../wire/operation.ts";
import { list } from "./calls.ts";
import { paths } from "./paths.ts";

/** Options of {@link Operations.list}. */
export type OperationsListOptions = OperationOptions;

/** Operations: what the resource provider can do. */
export interface Operations {
  /**
   * Lists what the resource provider can do. Rejects with a `RestError` when the service refuses. REST operation:
   * `Operations_List`.
   */
  list(options?: OperationsListOptions): PagedList<Operation>;
}

/** Makes the group of operations on operations. */
export function createOperations(context: ServiceContext): Operations {
  return {
    list: (options = {}) => list(context, { operation: "operations.list", path: paths.operations }, operation, options),
  };
}
