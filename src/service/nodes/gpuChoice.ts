import type { GpuStatus } from "./gpus.ts";

/** GPUs that the service may give out: all, none, or those with these indexes. */
export type GpuChoice = "all" | "none" | readonly number[];

/**
 * Checks the form of a choice of GPUs.
 * @throws Error if it is not `all`, `none` or a list of indexes.
 */
export function checkGpuChoice(choice: GpuChoice = "all"): void {
  if (choice === "all" || choice === "none") return;
  const isList = Array.isArray(choice) && choice.length > 0;
  if (isList && choice.every((index) => Number.isSafeInteger(index) && index >= 0)) return;
  throw new Error(`gpus must be "all", "none" or a list of indexes of GPUs, got ${JSON.stringify(choice)}.`);
}

/** Returns the reason why a choice does not fit the GPUs of the machine; undefined if it does. */
export function problemOfChoice(choice: GpuChoice, statuses: readonly GpuStatus[]): string | undefined {
  if (choice === "all" || choice === "none") return undefined;
  const existing = [...new Set(statuses.map(({ gpu }) => gpu.index))];
  const missing = choice.filter((index) => !existing.includes(index));
  if (missing.length === 0) return undefined;
  const remedy =
    existing.length === 0
      ? "No GPU was found on this machine."
      : `This machine has the GPUs ${existing.join(", ")}. Choose among them with --gpus (gpus).`;
  return missing.length === 1
    ? `GPU ${missing.join()} does not exist. ${remedy}`
    : `The GPUs ${missing.join(", ")} do not exist. ${remedy}`;
}
