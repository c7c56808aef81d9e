/**
 * Variables that find Slurm. All other variables of its programs would change what they do or print; those of a job in
 * which the service runs would even go to its own jobs.
 */
const kept = new Set(["SLURM_CONF", "SLURM_CONF_SERVER"]);
const ofSlurm = /^(?:SLURM|SLURMD|SBATCH|SQUEUE|SCANCEL|SCONTROL|SINFO|SALLOC|SRUN)_/;

/** Returns the variables for programs of Slurm. */
export function slurmEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => kept.has(name) || !ofSlurm.test(name)));
}
