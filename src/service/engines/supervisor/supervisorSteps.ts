import type { LaunchSecrets } from "../engine.ts";
import type { PlainPlan, PlainProcess } from "../launchText.ts";
import { StartError } from "../../startError.ts";
import type { RunFiles } from "./runFiles.ts";

/** Rejects what processes of this machine cannot do. */
export function checkPlan(plan: PlainPlan, secrets: LaunchSecrets): void {
  for (const [name, value] of Object.entries({ ...plan.environment, ...secrets.environment })) {
    if (name === "" || /[=\0]/.test(name)) refuse(`"${name}" cannot be the name of a variable.`);
    if (value.includes("\0")) refuse(`The value of the variable ${name} contains a NUL character.`);
  }
  for (const step of [...plan.preparation, ...plan.processes]) {
    if (step.commandLine.includes("\0")) refuse("A command line contains a NUL character.");
    const odd = Object.keys(step.environment).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
    if (odd !== undefined) refuse(`The shell cannot set the variable ${odd} for one process.`);
  }
}

/** Writes the steps of the run for the supervisor. */
export async function writeSteps(files: RunFiles, plan: PlainPlan, gracePeriodInMs: number): Promise<void> {
  const { preparation, processes, nodes } = plan;
  const logs = nodes.map(({ executionLog }) => executionLog);
  const graceInTenths = Math.ceil(gracePeriodInMs / 100);
  await Promise.all([
    files.writeFields("settings", [graceInTenths, preparation.length, processes.length, ...logs]),
    ...preparation.map((step, index) => files.writeFields(`preparation.${index}`, fieldsOf(step, plan))),
    ...processes.map((step, index) => files.writeFields(`process.${index}`, fieldsOf(step, plan))),
  ]);
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
