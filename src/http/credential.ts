import type { TokenCredential } from "@azure/core-auth";

/**
 * Creates a credential that always returns the same token, for example the token of a local service.
 *
 * @param token - The token. Printing the credential does not reveal it.
 * @throws TypeError if the token is empty.
 */
export function tokenCredential(token: string): TokenCredential {
  if (token === "") throw new TypeError("tokenCredential: the token is empty");
  return { getToken: () => Promise.resolve({ token, expiresOnTimestamp: Number.MAX_SAFE_INTEGER }) };
}
