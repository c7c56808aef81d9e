import { StartError } from "../../startError.ts";
import type { LaunchSecrets } from "../engine.ts";
import { isAssignable } from "../supervisor/assignable.ts";

/** @throws StartError if a secret would have to be shown to pass it on. */
export function checkNames({ environment }: LaunchSecrets): void {
  for (const name of Object.keys(environment)) {
    if (isAssignable(name)) continue;
    throw new StartError(
      "FailedStartingContainer",
      `A secret variable of a job in a container cannot have the name ${JSON.stringify(name)}. ` +
        "Use letters, digits and underscores, and no name that bash protects.",
    );
  }
}
