import { problemOf, type ProgramOutput, quoted } from "../../../ground/runProgram.ts";

/** Reports that a program of Slurm failed. The message is one sentence. */
export class SlurmError extends Error {
  override readonly name: string = "SlurmError";
}

/** Reports that Slurm will not accept a job as it is, and has not accepted it. The message is Slurm's own, without a period. */
export class SlurmRefusal extends SlurmError {
  override readonly name = "SlurmRefusal";
}

/** Errors that pass by themselves or when an administrator acts, or after which a job may have been accepted. */
const passing = [
  /contact|connect|timed out|temporarily|zero bytes|transport|communication|socket|standby|not responding|try again/i,
  /unexpected message|protocol|credential|authenticat|munge|configuration source|unknown host|interrupted/i,
  /cannot allocate memory|no space|unable to open file|queue full/i,
  /partition not available|partition in down|required node not available/i,
  // Limits on the number of submitted jobs: others end. Old versions do not say which limit it is.
  /submitjobs?|^Batch job submission failed: Job violates/i,
];

/** Beginnings of the lines with which `sbatch` refuses a job, or an option of it. */
const saysWhy = /sbatch: (?:error:|fatal:|unrecognized option|invalid option|option '|ambiguous option)/;

/** Returns the error of a `sbatch` that did not print the ID of a job. */
export function submitErrorOf(output: ProgramOutput): SlurmError {
  const words = refusalIn(output);
  return words === undefined ? new SlurmError(problemOf("sbatch", output)) : new SlurmRefusal(words);
}

/** Returns the reasons for which Slurm refuses a job for good; undefined if its output may mean anything else. */
function refusalIn({ exitCode, stderr }: ProgramOutput): string | undefined {
  if (exitCode === undefined || exitCode === 0) return undefined;
  const errors = stderr
    .split("\n")
    .flatMap((line) => /^(?:\S*\/)?sbatch: (?:error: |fatal: )?(.+)$/.exec(line)?.[1] ?? []);
  const words = errors.join("; ");
  return saysWhy.test(stderr) && !passing.some((pattern) => pattern.test(words)) ? quoted(words) : undefined;
}
