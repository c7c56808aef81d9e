import { StartError } from "../../startError.ts";
import type { LaunchAllocation } from "../engine.ts";

/** A job for `sbatch`. */
export interface SlurmSubmission {
  /** Name by which the job is found again. No other job ever has it. */
  readonly name: string;
  readonly allocation: LaunchAllocation;
  readonly nodeCount: number;
  /** Absolute path of the script, which has no directives. */
  readonly script: string;
  /** Arguments of the script. They may have any characters. */
  readonly args: readonly string[];
  /** Absolute path of the file for the output of the script itself. It may have any characters. */
  readonly output: string;
}

const safeValue = /^[\w./:=,@+-]+$/;
const safeOption = /^--[a-z][a-z-]*(?:=[\w./:=,@+-]+)?$/;
const bytesPerMegabyte = 1024 * 1024;

/**
 * Returns the options of `sbatch` for a job. They are arguments, never directives in a script, so no value can add
 * another. Slurm never starts the job again by itself, because the service does that under a new name.
 * @throws StartError if a value has characters that Slurm might take for something else.
 */
export function sbatchOptions({ name, allocation, nodeCount, output }: SlurmSubmission): string[] {
  const { partition, account, qos, constraint, gpuType, gpusPerNode, coresPerNode } = allocation;
  const gpus = gpuType === undefined ? ["gpu", gpusPerNode] : ["gpu", gpuType, gpusPerNode];
  const values: readonly (readonly [string, string | number | undefined])[] = [
    ["job-name", name],
    ["nodes", nodeCount],
    ["ntasks-per-node", 1],
    ["partition", partition],
    ["account", account],
    ["qos", qos],
    ["constraint", constraint],
    ["gres", gpusPerNode > 0 ? gpus.join(":") : undefined],
    ["cpus-per-task", coresPerNode],
    ["mem", megabytes(allocation.memoryPerNodeInBytes)],
    ["nice", niceness(allocation.priority)],
    ["time", minutes(allocation.timeLimitInSeconds)],
  ];
  const options = values.flatMap(([option, value]) => (value === undefined ? [] : [checked(option, String(value))]));
  // The last option of a name counts, so those of the service come last.
  const fixed = ["--parsable", "--export=NONE", "--no-requeue"];
  return [...(allocation.extraOptions ?? []).map(checkedOption), ...fixed, ...options, `--output=${literal(output)}`];
}

function checked(option: string, value: string): string {
  if (safeValue.test(value)) return `--${option}=${value}`;
  throw unsafe(`the value ${JSON.stringify(value)} of --${option}`);
}

function checkedOption(option: string): string {
  if (safeOption.test(option)) return option;
  throw unsafe(`the option ${JSON.stringify(option)}`);
}

function unsafe(what: string): StartError {
  const characters = "Use only letters, digits and _ . / : = , @ + -";
  return new StartError("FailedStartingProcess", `Cannot give ${what} to sbatch. ${characters}`);
}

/** Slurm counts in MiB, and 0 means all memory of a node. */
function megabytes(bytes: number | undefined): string | undefined {
  return bytes === undefined ? undefined : `${String(Math.max(1, Math.floor(bytes / bytesPerMegabyte)))}M`;
}

/** Slurm lets only administrators raise a priority, so one above 0 has no effect. */
function niceness(priority = 0): number | undefined {
  return priority < 0 ? -priority : undefined;
}

function minutes(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.max(1, Math.ceil(seconds / 60));
}

/**
 * Returns a path so that Slurm does not replace anything in it. `%` begins a placeholder, unless the path has a backslash:
 * then Slurm replaces nothing, and removes a backslash before each character.
 */
function literal(path: string): string {
  return path.includes("\\") ? path.replaceAll("\\", "\\\\") : path.replaceAll("%", "%%");
}
