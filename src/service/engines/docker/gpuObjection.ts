import { imageDetails, StartError } from "../../startError.ts";
import type { DaemonFacts } from "./daemon.ts";

/** podman before this version drops GPUs from requests without an error (containers/podman#22645). */
const podmanWithGpus = [5, 4] as const;

/** Returns why a container engine cannot give GPUs to containers; undefined if it can. */
export function gpuObjection(facts: DaemonFacts, image: string): StartError | undefined {
  if (canUseGpus(facts)) return undefined;
  const reason =
    `${facts.description} does not give GPUs to containers that a service creates. ` +
    `Install podman ${podmanWithGpus.join(".")} or later, or Docker.`;
  return new StartError("FailedStartingContainer", reason, { details: imageDetails({ image }) });
}

function canUseGpus({ isPodman, version: [major, minor] }: DaemonFacts): boolean {
  const [neededMajor, neededMinor] = podmanWithGpus;
  return !isPodman || major > neededMajor || (major === neededMajor && minor >= neededMinor);
}
