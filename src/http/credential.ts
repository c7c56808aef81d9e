import type { TokenCredential } from "@azure/core-auth";

/**
 * A credential that always answers with the same token, such as the one that a local service made for itself.
 *
 * @param token - The token; it stays inside the credential and is not shown when that is printed.
 * @throws TypeError when the token is empty.
 */
export function tokenCredential(token: string): TokenCredential {
  if (token === "") throw new TypeError("tokenCredential: the token is empty");
  return { getToken: () => Promise.resolve({ token, expiresOnTimestamp: Number.MAX_SAFE_INTEGER }) };
}
