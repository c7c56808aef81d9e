import type { FailedProcess, LaunchPlan, LaunchProcess, LaunchSecrets, LaunchText } from "../engine.ts";
import { StartError } from "../../startError.ts";

/**
 * Rejects what processes of this machine cannot do.
 * @throws StartError
 */
export function checkPlan(plan: LaunchPlan): void {
  checkVariables(plan.environment);
  for (const step of [...plan.preparation, ...plan.processes]) {
    if (step.commandLine.includes("\0")) refuse("A command line contains a NUL character.");
    checkVariables(step.environment);
  }
}

/**
 * Rejects secrets that processes of this machine cannot have.
 * @throws StartError
 */
export function checkSecrets({ environment }: LaunchSecrets): void {
  checkVariables(environment);
}

function checkVariables(variables: Readonly<Record<string, LaunchText>>): void {
  for (const [name, value] of Object.entries(variables)) {
    if (name === "" || /[=\0]/.test(name)) refuse(`"${name}" cannot be the name of a variable.`);
    const texts = typeof value === "string" ? [value] : value.filter((segment) => typeof segment === "string");
    if (texts.some((text) => text.includes("\0")))
      refuse(`The value of the variable ${name} contains a NUL character.`);
  }
}

/** Periods that the supervisor allows processes. */
export interface SupervisorPeriods {
  /** Time between the polite request to end and the end by force, in milliseconds. */
  readonly gracePeriodInMs: number;
  /** Time in which the other processes may end by themselves after the master has succeeded, in milliseconds. */
  readonly finishPeriodInMs: number;
}

/** Returns the fields of the plan for the supervisor. */
export function supervisorPlan(
  plan: LaunchPlan,
  { gracePeriodInMs, finishPeriodInMs }: SupervisorPeriods,
): (LaunchText | number)[] {
  const { preparation, processes, nodes } = plan;
  const logs = nodes.map(({ executionLog }) => executionLog);
  const steps = [...preparation, ...processes].map((step) => fieldsOf(step, plan));
  const counts = [preparation.length, processes.length, logs.length];
  const head = [tenthsOf(gracePeriodInMs), ...counts, tenthsOf(finishPeriodInMs), ...logs];
  return [...head, ...steps.flatMap((fields) => [fields.length, ...fields])];
}

function tenthsOf(periodInMs: number): number {
  return Math.ceil(periodInMs / 100);
}

function fieldsOf(step: LaunchProcess, { nodes }: LaunchPlan): LaunchText[] {
  const node = nodes.find(({ nodeId }) => nodeId === step.nodeId);
  if (node === undefined) throw new RangeError(`Node ${step.nodeId} is not one of the run.`);
  const variables = Object.entries(step.environment).map(([name, value]) => assignment(name, value));
  const { stdout, stderr, commandLine, name, isServer, oncePerHost } = step;
  const kind = isServer ? "server" : oncePerHost === undefined ? "" : `once:${oncePerHost}`;
  return [node.nodeId, node.tempDirectory, stdout, stderr, node.executionLog, commandLine, name, kind, ...variables];
}

/** Returns the text that gives a variable its value. */
function assignment(name: string, value: LaunchText): LaunchText {
  return typeof value === "string" ? `${name}=${value}` : [`${name}=`, ...value];
}

/**
 * Returns the step with this index in the text of a plan file, as errors name it; undefined if there is none, because a
 * job has changed the file.
 */
export function stepIn(plan: string, index: number): FailedProcess | undefined {
  const fields = plan.split("\0");
  let position = 5 + Number(fields[3]);
  for (let step = 0; step < index; step += 1) {
    const count = Number(fields[position]);
    if (!(count > 0)) return undefined;
    position += 1 + count;
  }
  const [nodeId, , , stderr, , , name] = fields.slice(position + 1, position + 8);
  if (nodeId === undefined || stderr === undefined || name === undefined) return undefined;
  return { name, nodeId, stderr };
}

function refuse(message: string): never {
  throw new StartError("FailedStartingProcess", message);
}
