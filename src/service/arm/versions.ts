import { ArmError } from "./errors.ts";

/** The version of the Batch AI API that the service implements. */
export const apiVersion = "2018-05-01";

/**
 * Checks `api-version`. Batch AI has one version; Azure Resource Manager's own operations are the same in all of theirs,
 * so the service accepts any well-formed version there.
 */
export function checkApiVersion(path: string, version: string | undefined): void {
  if (version === undefined || version === "") {
    throw new ArmError(
      "MissingApiVersionParameter",
      "The api-version query parameter (?api-version=) is required for all requests.",
      {
        target: "api-version",
      },
    );
  }
  const supported = isBatchAI(path) ? version === apiVersion : /^\d{4}-\d{2}-\d{2}(-preview)?$/.test(version);
  if (supported) return;
  throw new ArmError(
    "NoRegisteredProviderFound",
    `No registered resource provider found for api-version ${JSON.stringify(version.slice(0, 40))} of this resource type. ` +
      `Supported: ${isBatchAI(path) ? apiVersion : "a date such as 2021-04-01"}.`,
    { target: "api-version" },
  );
}

/** Whether a path belongs to Batch AI, and not to Azure Resource Manager (resource groups, registration). */
function isBatchAI(path: string): boolean {
  return /\/providers\/Microsoft\.BatchAI\/(?!register$|unregister$)[^/]/i.test(path);
}
