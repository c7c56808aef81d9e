import type { KeyObject } from "node:crypto";
import { StorageError } from "../errors.ts";
import type { StorageRequest } from "../http/request.ts";
import type { Grant } from "./grant.ts";
import { checkSas } from "./sas.ts";
import type { AccessPolicies } from "./sas.ts";
import { checkSharedKey } from "./sharedKey.ts";

/** Grant of requests that are signed with the account key: full access to the account. */
const ownerGrant: Grant = { version: undefined, overrides: {}, grants: () => true, check: () => undefined };

/**
 * Authenticates a request and returns what it may do. Throws if the request has no valid credential for its account. An
 * account that does not exist fails in the same way as a wrong key.
 */
export function authenticate(
  request: StorageRequest,
  keys: ReadonlyMap<string, KeyObject>,
  policies: AccessPolicies,
): Grant {
  const authorization = request.header("authorization");
  if (authorization === undefined && !request.query.has("sig")) throw new StorageError("NoAuthenticationInformation");
  const key = keys.get(request.account);
  if (key === undefined) throw new StorageError("AuthenticationFailed");
  if (authorization === undefined) return checkSas(request, key, policies);
  checkSharedKey(request, authorization, key);
  return ownerGrant;
}
