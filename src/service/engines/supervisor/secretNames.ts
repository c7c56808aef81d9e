import { StartError, type StartErrorCode } from "../../startError.ts";
import type { LaunchSecrets } from "../engine.ts";
import { isAssignable } from "./assignable.ts";

/** Checks the names of secret variables that a script reads from a file: names that bash cannot assign to would be shown. */
export function checkSecretNames(
  { environment, oncePerHost }: LaunchSecrets,
  code: StartErrorCode,
  kindOfJob: "a job in a container" | "a job on Slurm",
): void {
  const name = Object.keys({ ...environment, ...oncePerHost }).find((each) => !isAssignable(each));
  if (name === undefined) return;
  throw new StartError(
    code,
    `A secret variable of ${kindOfJob} cannot have the name ${JSON.stringify(name)}. ` +
      "Use letters, digits and underscores, and no name that bash protects.",
  );
}
