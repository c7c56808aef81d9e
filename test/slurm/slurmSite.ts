import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/** A Slurm that the programs of this machine can use, such as `sbatch`. */
export class SlurmSite {
  /** Folder of the configuration, the state and the logs. */
  readonly folder: string;
  /** Environment variables with which programs use this Slurm. */
  readonly environment: Readonly<{ SLURM_CONF: string }>;
  /** A folder on the disk of each node, with other content on each. Everyone may write there. */
  readonly scratchDirectory = "/run/scratch";

  constructor(folder: string) {
    this.folder = folder;
    this.environment = { SLURM_CONF: join(folder, "slurm.conf") };
  }

  /** Runs a program of this machine with this Slurm, such as `scontrol`. Resolves to its output. */
  async run(program: string, ...args: readonly string[]): Promise<string> {
    const env = { ...process.env, ...this.environment };
    return (await promisify(execFile)(program, args, { env })).stdout;
  }
}
