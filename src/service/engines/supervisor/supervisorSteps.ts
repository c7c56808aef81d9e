import type { LaunchSecrets } from "../engine.ts";
import type { PlainPlan, PlainProcess } from "../launchText.ts";
import { StartError } from "../../startError.ts";

/**
 * Rejects what processes of this machine cannot do.
 * @throws StartError
 */
export function checkPlan(plan: PlainPlan): void {
  checkVariables(plan.environment);
  for (const step of [...plan.preparation, ...plan.processes]) {
    if (step.commandLine.includes("\0")) refuse("A command line contains a NUL character.");
    const odd = Object.keys(step.environment).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
    if (odd !== undefined) refuse(`The shell cannot set the variable ${odd} for one process.`);
  }
}

/**
 * Rejects secrets that processes of this machine cannot have.
 * @throws StartError
 */
export function checkSecrets({ environment }: LaunchSecrets): void {
  checkVariables(environment);
}

function checkVariables(variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) {
    if (name === "" || /[=\0]/.test(name)) refuse(`"${name}" cannot be the name of a variable.`);
    if (value.includes("\0")) refuse(`The value of the variable ${name} contains a NUL character.`);
  }
}

/** Returns the fields of the plan for the supervisor. */
export function supervisorPlan(plan: PlainPlan, gracePeriodInMs: number): (string | number)[] {
  const { preparation, processes, nodes } = plan;
  const logs = nodes.map(({ executionLog }) => executionLog);
  const steps = [...preparation, ...processes].map((step) => fieldsOf(step, plan));
  const head = [Math.ceil(gracePeriodInMs / 100), preparation.length, processes.length, logs.length, ...logs];
  return [...head, ...steps.flatMap((fields) => [fields.length, ...fields])];
}

function fieldsOf(step: PlainProcess, { nodes }: PlainPlan): string[] {
  const node = nodes.find(({ nodeId }) => nodeId === step.nodeId);
  if (node === undefined) throw new RangeError(`Node ${step.nodeId} is not one of the run.`);
  const variables = Object.entries(step.environment).map(([name, value]) => `${name}=${value}`);
  return [node.nodeId, node.tempDirectory, step.stdout, step.stderr, node.executionLog, step.commandLine, ...variables];
}

function refuse(message: string): never {
  throw new StartError("FailedStartingProcess", message);
}
