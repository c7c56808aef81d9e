import type { KeyObject } from "node:crypto";
import { StorageError } from "../errors.ts";
import type { StorageRequest } from "../http/request.ts";
import type { Grant } from "./grant.ts";
import { checkSas } from "./sas.ts";
import type { AccessPolicies } from "./sas.ts";
import { checkSharedKey } from "./sharedKey.ts";

/** Whoever holds the key of an account may do everything in it. */
const ownerGrant: Grant = { version: undefined, overrides: {}, grants: () => true, check: () => undefined };

/**
 * Finds out what the sender of a request may do. Throws when the request carries no valid credential for the account
 * that it addresses; an account that does not exist answers like a wrong key.
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
