import { parentPort, workerData } from "node:worker_threads";
import { makeFolders, type RunFolders } from "./runFolders.ts";
import { failureOf, type SentFailure } from "./sentFailures.ts";

/* A thread that creates the folders of a run on volumes, which may keep it waiting. */

let failure: SentFailure | null = null;
try {
  makeFolders(workerData as RunFolders);
} catch (error) {
  failure = failureOf(error);
}
parentPort?.postMessage(failure);
