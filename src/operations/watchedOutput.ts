import type { Job } from "../models/job.ts";
import type { ListFiles, OutputFileSource } from "./outputFile.ts";
import { isNotFound } from "./waiting.ts";
import type { Watch } from "./waiting.ts";

/**
 * Makes sure that listed files belong to the watched job, and not to a later job with the same name. A list is requested
 * by the name of the job, so the SDK looks at the job again before it uses a new link: if the job is still the same, it
 * was the same during the list. A confirmed link needs no further look, because it leads to the folder of one job
 * (`jobOutputDirectoryPathSegment`), which no later job uses.
 */
export function watchedOutput(
  watch: Watch<Job>,
  list: ListFiles,
): Required<Pick<OutputFileSource, "list" | "confirm">> {
  return {
    async *list(directory, options) {
      try {
        yield* list(directory, options);
      } catch (error) {
        // If the job was deleted or replaced, this look says so. If not, the error says what else does not exist.
        if (isNotFound(error)) await watch.look();
        throw error;
      }
    },
    confirm: () => watch.look(),
  };
}
