import { StorageError } from "../errors.ts";
import { toXml } from "../http/xml.ts";
import { respond, respondXml } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { StorageOperation } from "./operation.ts";
import { targetOf } from "./target.ts";

/*
 * Handles are open files of SMB clients. This endpoint does not support SMB, so there are none. The file or directory
 * must exist all the same.
 */

function requireSomething(exchange: Exchange): void {
  const { stat } = targetOf(exchange).place;
  if (stat?.isFile() !== true && stat?.isDirectory() !== true) throw new StorageError("ResourceNotFound");
}

function listHandles(exchange: Exchange): void {
  requireSomething(exchange);
  respondXml(exchange, toXml("EnumerationResults", { Entries: "", NextMarker: "" }));
}

function forceCloseHandles(exchange: Exchange): void {
  requireSomething(exchange);
  if (exchange.request.header("x-ms-handle-id") === undefined) {
    throw new StorageError("MissingRequiredHeader", { subject: "x-ms-handle-id" });
  }
  respond(exchange, 200, { "x-ms-number-of-handles-closed": "0", "x-ms-number-of-handles-failed": "0" });
}

const onAnything = { level: "file", resourceType: "o" } as const;

/** Operations on open handles of files and directories. */
export const handleOperations: readonly StorageOperation[] = [
  {
    ...onAnything,
    methods: ["GET"],
    comp: "listhandles",
    permissions: "rl",
    headers: ["x-ms-recursive"],
    run: listHandles,
  },
  {
    ...onAnything,
    methods: ["PUT"],
    comp: "forceclosehandles",
    permissions: "w",
    headers: ["x-ms-handle-id", "x-ms-recursive"],
    run: forceCloseHandles,
  },
];
