import type { Job, JobCreateParameters, ToolType } from "../../models/job.ts";
import type { ToolkitSettings } from "../../models/toolkitSettings.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import { cntk } from "./cntk.ts";
import { custom } from "./custom.ts";
import type { SettingsOf, Toolkit, ToolkitContext, ToolkitNode, ToolkitProcess, ToolkitProperty } from "./toolkit.ts";

/** All toolkits of the API, by the property that contains their settings. A tool type alone is not supported yet. */
const toolkits: { readonly [P in ToolkitProperty]: Toolkit<P> | ToolType } = {
  cntkSettings: cntk,
  pyTorchSettings: "pytorch",
  tensorFlowSettings: "tensorflow",
  caffeSettings: "caffe",
  caffe2Settings: "caffe2",
  chainerSettings: "chainer",
  horovodSettings: "horovod",
  customMpiSettings: "custommpi",
  customToolkitSettings: custom,
};

const properties = Object.keys(toolkits) as ToolkitProperty[];

/** Returns the problems of the choice of toolkit: a job needs the settings of exactly one that the service runs. */
export function toolkitIssues(job: ToolkitSettings): ValidationIssue[] {
  const [chosen, second] = choicesOf(job);
  if (chosen === undefined) {
    const message = `exactly one of ${properties.join(", ")} is needed, got none`;
    return [{ path: "properties.customToolkitSettings", message }];
  }
  if (second === undefined) return chosen.issues();
  const given = choicesOf(job).map(({ property }) => property);
  const message = `exactly one toolkit is allowed, but ${given.join(" and ")} are given`;
  return [{ path: `properties.${second.property}`, message }];
}

/** Returns the tool type that follows from the settings that a job gives; undefined if it gives none. */
export function toolTypeOf(job: ToolkitSettings): ToolType | undefined {
  return choicesOf(job)[0]?.toolType;
}

/** Returns the names of the variables that the toolkit of a job sets. */
export function toolkitVariablesOf(job: ToolkitSettings): readonly string[] {
  return choicesOf(job)[0]?.variables ?? [];
}

/** Returns the settings from which the command lines of a job follow, by their path in the request body. */
export function commandLinePropertyOf(job: ToolkitSettings): string {
  return `properties.${choicesOf(job)[0]?.property ?? "customToolkitSettings"}`;
}

/** Returns a job with the defaults that depend on its toolkit. */
export function withToolkitDefaults(job: JobCreateParameters): JobCreateParameters {
  const defaults = choicesOf(job).map((choice): [string, unknown] => [choice.property, choice.withDefaults(job)]);
  return { ...job, ...Object.fromEntries<unknown>(defaults) };
}

/** The work of a toolkit for one job. */
export interface ToolkitWork {
  readonly processes: readonly ToolkitProcess[];
  /** Number of processes that MPI must be able to start on each node. */
  readonly slotsPerNode: number;
}

/**
 * Returns the work of a job's toolkit on these nodes.
 * @throws RangeError if the job has one of the problems that {@link toolkitIssues} finds.
 */
export function toolkitWorkOf(job: Job, nodes: readonly ToolkitNode[], sharedTemp: string): ToolkitWork {
  const work = choicesOf(job)[0]?.work({ job, nodes, sharedTemp });
  if (work === undefined) throw new RangeError("The job has no toolkit that this service runs.");
  return work;
}

/** Settings that a job gives, and their toolkit. */
interface Choice {
  readonly property: ToolkitProperty;
  readonly toolType: ToolType;
  issues(): ValidationIssue[];
  withDefaults(job: JobCreateParameters): unknown;
  readonly variables: readonly string[];
  work(context: ToolkitContext): ToolkitWork | undefined;
}

function choicesOf(job: ToolkitSettings): Choice[] {
  return properties.flatMap((property) => choiceOf(property, job[property]) ?? []);
}

function choiceOf<P extends ToolkitProperty>(property: P, settings: SettingsOf<P> | undefined): Choice | undefined {
  if (settings === undefined) return undefined;
  const toolkit: Toolkit<P> | ToolType = toolkits[property];
  if (typeof toolkit === "string") return unsupported(property, toolkit, settings);
  return {
    property,
    toolType: toolkit.toolType,
    issues: () => toolkit.issues(settings, `properties.${property}`),
    withDefaults: (job) => toolkit.withDefaults(settings, job),
    variables: toolkit.variables,
    work: (context) => ({
      processes: toolkit.processes(settings, context),
      slotsPerNode: toolkit.slotsPerNode(settings, context),
    }),
  };
}

function unsupported(property: ToolkitProperty, toolType: ToolType, settings: unknown): Choice {
  const usable = properties.filter((name) => typeof toolkits[name] === "object").join(" or ");
  const message = `this service does not run ${toolType} jobs yet. Use ${usable}.`;
  return {
    property,
    toolType,
    issues: () => [{ path: `properties.${property}`, message }],
    withDefaults: () => settings,
    variables: [],
    work: () => undefined,
  };
}
