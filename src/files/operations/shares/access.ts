import { parsePolicies, policiesXml } from "../../access/accessPolicies.ts";
import { StorageError } from "../../errors.ts";
import { invalid } from "../../http/headers.ts";
import { readDocument } from "../../http/requestDocument.ts";
import { permissionOf, savePermission } from "../../records/permissions.ts";
import { respond, respondJson, respondXml } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import type { StorageOperation } from "../operation.ts";
import { shareOf } from "../target.ts";
import { changeShare, leasedShareOf, onShare, sharePropertiesOf, shareVersion } from "./state.ts";

function getShareAcl(exchange: Exchange): void {
  const share = leasedShareOf(exchange);
  const policies = sharePropertiesOf(exchange, share).policies ?? [];
  respondXml(exchange, policiesXml(policies), shareVersion(exchange, share));
}

async function setShareAcl(exchange: Exchange): Promise<void> {
  const policies = await parsePolicies(await readDocument(exchange.request, exchange.response));
  changeShare(exchange, (properties) => ({ ...properties, policies }));
}

async function createPermission(exchange: Exchange): Promise<void> {
  const share = shareOf(exchange);
  const { permission, format } = permissionIn(await readDocument(exchange.request, exchange.response));
  // The binary format of a security descriptor is not supported.
  if (format !== undefined && format.toLowerCase() !== "sddl") throw new StorageError("FileInvalidPermission");
  const key = savePermission(exchange.storage.properties, share, permission);
  respond(exchange, 201, { "x-ms-file-permission-key": key });
}

function permissionIn(text: string): { readonly permission: string; readonly format: string | undefined } {
  const body = parseJson(text);
  if (typeof body !== "object" || body === null || !("permission" in body) || typeof body.permission !== "string") {
    throw new StorageError("FileInvalidPermission");
  }
  return { permission: body.permission, format: "format" in body ? String(body.format) : undefined };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new StorageError("InvalidInput");
  }
}

function getPermission(exchange: Exchange): void {
  const { request, storage } = exchange;
  const key = request.header("x-ms-file-permission-key");
  if (key === undefined) throw new StorageError("MissingRequiredHeader", { subject: "x-ms-file-permission-key" });
  const format = request.header("x-ms-file-permission-format")?.toLowerCase() ?? "sddl";
  if (format !== "sddl") invalid("x-ms-file-permission-format");
  respondJson(exchange, { permission: permissionOf(storage.properties, shareOf(exchange), key), format: "Sddl" });
}

/** No permission of a SAS is enough, so that no SAS can extend its own access. */
const ownerOnly = "";

/** Operations on access: stored access policies, and security descriptors for files. */
export const shareAccessOperations: readonly StorageOperation[] = [
  {
    ...onShare,
    methods: ["GET", "HEAD"],
    comp: "acl",
    permissions: ownerOnly,
    headers: ["x-ms-lease-id"],
    run: getShareAcl,
  },
  {
    ...onShare,
    methods: ["PUT"],
    comp: "acl",
    permissions: ownerOnly,
    headers: ["x-ms-lease-id"],
    run: setShareAcl,
  },
  { ...onShare, methods: ["PUT"], comp: "filepermission", permissions: "w", run: createPermission },
  {
    ...onShare,
    methods: ["GET", "HEAD"],
    comp: "filepermission",
    permissions: "r",
    headers: ["x-ms-file-permission-key", "x-ms-file-permission-format"],
    run: getPermission,
  },
];
