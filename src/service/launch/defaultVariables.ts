import type { UserVariables } from "./userVariables.ts";
import type { Environment, VariableDefinition } from "./variables.ts";

/** Variables that every job and setup task has unless somebody sets them. */
const defaults: Readonly<Record<string, string>> = {
  /** Python shows what it prints at once, and not when it ends. */
  PYTHONUNBUFFERED: "1",
  /** Open MPI starts as many processes as it is asked for: several nodes share one machine. */
  OMPI_MCA_rmaps_base_oversubscribe: "1",
  /** Open MPI does not bind the processes of every job to the same first cores. */
  OMPI_MCA_hwloc_base_binding_policy: "none",
  /** Open MPI runs although the service runs as root. */
  OMPI_ALLOW_RUN_AS_ROOT: "1",
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
};

/** Adds the default variables that neither the job or setup task nor its node sets. */
export function addDefaultVariables(
  definitions: Map<string, VariableDefinition>,
  { secrets = [] }: UserVariables,
  nodeEnvironment: Environment = {},
): void {
  for (const [name, value] of Object.entries(defaults)) {
    const isSecret = secrets.some((secret) => secret.name === name);
    if (definitions.has(name) || isSecret || Object.hasOwn(nodeEnvironment, name)) continue;
    definitions.set(name, () => value);
  }
}
