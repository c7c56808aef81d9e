import { execFile } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { testAccuracyIn } from "./trainingLog.ts";

/** Path of the training script that the job runs on CNTK. */
export const CNTK_TRAINER = fileURLToPath(new URL("ConvNet_MNIST.py", import.meta.url));

/** Path of the training script that the job runs without CNTK. */
export const TRAINER = fileURLToPath(new URL("ConvNet_MNIST.mjs", import.meta.url));

/** Returns the model of the last epoch. */
export function newest(models: readonly string[]): string | undefined {
  const byNumber = new Intl.Collator("en", { numeric: true });
  return models
    .filter((name) => /\.(model\.json|dnn)$/.test(name))
    .sort(byNumber.compare)
    .at(-1);
}

/** Recognizes all test images with a model, in a process on this machine. Returns the accuracy in percent. */
export async function evaluate(testData: string, model: string, signal: AbortSignal): Promise<number | undefined> {
  const parameters = [TRAINER, dirname(testData), "--evaluate", model];
  const { stdout } = await promisify(execFile)(process.execPath, parameters, { signal });
  return testAccuracyIn(stdout);
}
