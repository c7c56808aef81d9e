import { imageDetails, StartError } from "../../startError.ts";
import { DaemonRefusal } from "./daemonErrors.ts";
import { startErrorOf } from "./images.ts";

/** Returns why a container cannot be started, for the author of the job. */
export function containerStartError(error: unknown, image: string): StartError {
  const remedy = error instanceof DaemonRefusal ? remedyFor(error.message, image) : undefined;
  const details = imageDetails({ image });
  if (remedy !== undefined) return new StartError("FailedStartingContainer", remedy, { details, cause: error });
  return startErrorOf(error, `The container of the image ${image} cannot be started`, details);
}

/** Whether an engine refuses to start a container because it was killed while it did so before. */
export function isOfKilledEngine({ message }: DaemonRefusal): boolean {
  return /already exists|shutting down|connection refused|error reading from server|transport/i.test(message);
}

/** Returns what to do about a refusal that will not pass; undefined if nobody knows. */
export function remedyFor(message: string, image: string): string | undefined {
  const isAbsent = /not found|no such file/i.test(message);
  if (isAbsent && /"bash"|bash:/.test(message)) {
    return `The image ${image} has no bash, by which the service runs jobs. Add bash to the image, or choose another one.`;
  }
  if (/could not select device driver|unresolvable CDI devices|nvidia-container-cli/i.test(message)) {
    return (
      "The container engine cannot give the job its GPUs. Install the NVIDIA Container Toolkit on the machine of the " +
      `service, and restart the container engine. It says: ${message}`
    );
  }
  if (/no such image|image not known/i.test(message)) {
    return `The image ${image} was removed while the job started. Submit the job again.`;
  }
  return undefined;
}

/** Returns the error of a container that did not get all of its GPUs. */
export function missingGpus(image: string, uuids: readonly string[]): StartError {
  return new StartError(
    "FailedStartingContainer",
    `The container engine did not give the job the GPUs ${uuids.join(", ")}, without saying why. ` +
      "Install the NVIDIA Container Toolkit on the machine of the service, and restart the container engine.",
    { details: imageDetails({ image }) },
  );
}
