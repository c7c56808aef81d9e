import type { ServiceContext } from "../http/context.ts";
import type { OperationOptions } from "../http/options.ts";
import type { PagedList } from "../http/paging.ts";
import type { Operation } from "../models/operation.ts";
import { operation } from "../wire/tables/operation.ts";
import { list } from "./calls.ts";
import { paths } from "./paths.ts";

/** Options of {@link Operations.list}. */
export type OperationsListOptions = OperationOptions;

/** Operations: the operations of the resource provider. */
export interface Operations {
  /**
   * Lists the operations of the resource provider. Rejects with a `RestError` if the service rejects the request. REST
   * operation: `Operations_List`.
   */
  list(options?: OperationsListOptions): PagedList<Operation>;
}

/** Creates the group of operations on operations. */
export function createOperations(context: ServiceContext): Operations {
  return {
    list: (options = {}) => list(context, { operation: "operations.list", path: paths.operations }, operation, options),
  };
}
