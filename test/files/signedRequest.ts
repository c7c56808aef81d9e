import { AccountSASPermissions, AccountSASResourceTypes, AccountSASServices } from "@azure/storage-file-share";
import { generateAccountSASQueryParameters } from "@azure/storage-file-share";
import { credential } from "./support.ts";

/** A query string that allows everything in the test account, for requests that the official client would not send. */
export function everything(): string {
  return generateAccountSASQueryParameters(
    {
      permissions: AccountSASPermissions.parse("rwdlc"),
      resourceTypes: AccountSASResourceTypes.parse("sco").toString(),
      services: AccountSASServices.parse("f").toString(),
      expiresOn: new Date(Date.now() + 600_000),
    },
    credential,
  ).toString();
}
